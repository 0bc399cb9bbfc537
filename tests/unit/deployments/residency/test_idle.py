from deployments.residency.idle import idlers, next_look_s


def test_models_nobody_asked_for_long_leave_the_longest_first():
    used_s = {"a": 95.0, "b": 10.0, "c": 40.0}

    assert idlers(used_s, idle_after_s=60, now_s=100) == ["b", "c"]


def test_next_look_is_when_the_first_can_be_idle():
    assert next_look_s({"a": 95.0, "b": 70.0}, idle_after_s=60, now_s=100) == 30
    assert next_look_s({}, idle_after_s=60, now_s=100) == 60

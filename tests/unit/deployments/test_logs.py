"""What is written to the log."""

from deployments.logs import Seldom


def test_first_of_a_kind_is_let_through_and_then_one_in_a_while():
    times = iter([0.0, 59.9, 60.0, 61.0, 120.0])
    seldom = Seldom(60.0, lambda: next(times))

    assert [seldom.may("a") for _ in range(5)] == [True, False, True, False, True]


def test_kinds_do_not_wait_for_each_other():
    seldom = Seldom(60.0, lambda: 0.0)

    assert [seldom.may(kind) for kind in ("a", "b", "a")] == [True, True, False]

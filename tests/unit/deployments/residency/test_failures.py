from deployments.residency.failures import Failure, Refusal, refusal


def test_failed_model_is_refused_with_its_reason_for_a_while():
    failure = Failure("its file is torn", until_s=50.0)

    why = refusal(failure, crashes=0, limit=3, now_s=40.0)

    assert why == Refusal("its file is torn", 10.0)
    assert refusal(failure, crashes=0, limit=3, now_s=50.0) is None


def test_model_is_quarantined_at_the_limit_of_crashes():
    assert refusal(None, crashes=2, limit=3, now_s=0.0) is None
    why = refusal(None, crashes=3, limit=3, now_s=0.0)
    assert why is not None
    assert why.reason == "it is quarantined after 3 crashes of its replica"

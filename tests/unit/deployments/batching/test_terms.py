import pytest

from configs.model import BatchingSpec
from deployments.batching.terms import has_policy, set_terms
from deployments.batching.waiting import NEVER, Waiting
from deployments.messages import CALM, Urgency


def terms(urgency, **policy):
    limits = BatchingSpec.model_validate({"default_queue_policy": policy})
    item = Waiting(1, 100.0)
    set_terms(item, urgency, limits)
    return item.deadline_s, item.expires_s


OWN = Urgency(None, 2.0, 99.0)
OVERRIDE = {"allow_timeout_override": True}


@pytest.mark.parametrize(
    ("urgency", "policy", "expected"),
    [
        (CALM, {}, (NEVER, NEVER)),
        (CALM, {"default_timeout_us": 500_000}, (NEVER, 100.5)),
        (Urgency(105.0), {}, (105.0, NEVER)),
        (OWN, {}, (101.0, NEVER)),
        (Urgency(100.5, 2.0, 99.0), {}, (100.5, NEVER)),
        (OWN, OVERRIDE, (NEVER, 102.0)),
        (OWN, {**OVERRIDE, "default_timeout_us": 500_000}, (NEVER, 100.5)),
        (OWN, {**OVERRIDE, "default_timeout_us": 9_000_000}, (NEVER, 102.0)),
        (OWN, {"default_timeout_us": 9_000_000}, (101.0, 109.0)),
    ],
)
def test_deadline_and_timeout_follow_from_urgency_and_policy(urgency, policy, expected):
    assert terms(urgency, **policy) == expected


def test_models_with_levels_or_timeouts_have_a_policy():
    timed = {"default_queue_policy": {"default_timeout_us": 1}}

    assert not has_policy(BatchingSpec())
    assert has_policy(BatchingSpec(priority_levels=2))
    assert has_policy(BatchingSpec.model_validate(timed))

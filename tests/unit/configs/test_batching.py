"""What a model's batching may say."""

import pytest
from pydantic import ValidationError

from configs.model import BatchingSpec, QueuePolicySpec


def test_default_is_one_level_without_timeouts():
    spec = BatchingSpec()

    assert (spec.priority_levels, spec.level(0), spec.level(7)) == (1, 1, 1)
    assert spec.policy(1) == QueuePolicySpec()
    assert spec.preferred_sizes == (32,)


@pytest.mark.parametrize(("priority", "level"), [(0, 2), (1, 1), (3, 3), (4, 2)])
def test_priority_that_does_not_exist_is_the_default_level(priority, level):
    spec = BatchingSpec(priority_levels=3, default_priority_level=2)

    assert spec.level(priority) == level


def test_level_without_a_policy_has_the_default_one():
    spec = BatchingSpec.model_validate(
        {
            "priority_levels": 2,
            "default_queue_policy": {"default_timeout_us": 1000},
            "priority_queue_policy": {2: {"timeout_action": "DELAY"}},
        }
    )

    assert spec.policy(1).default_timeout_us == 1000
    assert spec.policy(2) == QueuePolicySpec(timeout_action="DELAY")


@pytest.mark.parametrize(
    "said",
    [
        {"default_priority_level": 2},
        {"priority_levels": 2, "priority_queue_policy": {3: {}}},
        {"priority_levels": 2, "priority_queue_policy": {0: {}}},
    ],
)
def test_level_that_does_not_exist_is_refused(said):
    with pytest.raises(ValidationError, match="levels go from 1 to"):
        BatchingSpec.model_validate(said)


@pytest.mark.parametrize("sizes", [(), (8, 4), (4, 4), (0, 4)])
def test_preferred_sizes_ascend_from_one(sizes):
    with pytest.raises(ValidationError):
        BatchingSpec(preferred_batch_size=sizes)


def test_preferred_sizes_beyond_the_largest_batch_are_the_largest_batch():
    spec = BatchingSpec(max_batch_size=8, preferred_batch_size=(4, 16, 32))

    assert (spec.preferred_sizes, spec.full_batch_size) == ((4, 8), 8)


@pytest.mark.parametrize(
    "said",
    [
        {"timeout_action": "reject"},
        {"default_timeout_us": 0},
        {"max_queue_size": 0},
        {"timeout": 5},
    ],
)
def test_policy_is_read_strictly(said):
    with pytest.raises(ValidationError):
        QueuePolicySpec.model_validate(said)

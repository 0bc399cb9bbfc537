import pytest
from pydantic import ValidationError

from configs.pool import PoolSpec


def test_unbounded_pool_loads_at_start_and_a_bounded_one_on_demand():
    assert PoolSpec().loads_at_start
    assert not PoolSpec(memory_bytes=1).loads_at_start
    assert PoolSpec(memory_bytes=1, preload=True).loads_at_start
    assert not PoolSpec(preload=False).loads_at_start


def test_pinned_model_must_live_in_the_pool():
    with pytest.raises(ValidationError, match="pinned models must be among models"):
        PoolSpec(models=("a",), pinned=("b",))

    assert PoolSpec(models=("*",), pinned=("b",)).pinned == ("b",)


@pytest.mark.parametrize(
    "wrong",
    [{"memory_bytes": 0}, {"memory_bytes": -1}, {"idle_after_s": 0}, {"memory": 5}],
)
def test_bounds_that_make_no_sense_are_refused(wrong):
    with pytest.raises(ValidationError):
        PoolSpec.model_validate(wrong)

import numpy as np
import pytest

from deployments.budget import Budget, size_bytes
from deployments.errors import Saturated


@pytest.fixture
def budget():
    return Budget(limit_bytes=100)


def test_held_bytes_are_given_back(budget):
    with budget.hold("m") as held:
        held.reach(60)
        held.reach(40)
        assert budget.held_bytes == 60

    assert budget.held_bytes == 0


def test_request_over_the_budget_is_refused_and_others_stay(budget):
    with budget.hold("a") as first, budget.hold("b") as second:
        first.reach(60)
        second.reach(40)

        with pytest.raises(Saturated) as refused:
            second.reach(41)

        assert budget.held_bytes == 100
    assert str(refused.value) == (
        "too many bytes in flight for 'b': 100 are not answered yet"
    )
    assert refused.value.retry_after_s == 1
    assert budget.held_bytes == 0


def test_request_that_is_alone_may_have_any_size(budget):
    with budget.hold("m") as held:
        held.reach(50)
        held.reach(500)

        assert budget.held_bytes == 500


def test_failed_request_gives_back_what_it_held(budget):
    def fail():
        with budget.hold("m") as held:
            held.reach(60)
            raise ArithmeticError

    with pytest.raises(ArithmeticError):
        fail()

    assert budget.held_bytes == 0


def test_bytes_of_numbers_and_of_encoded_photos_are_counted():
    photos = np.array([b"12345", b"678"], np.object_)

    assert size_bytes({"x": np.zeros((2, 3), np.float32), "image": photos}) == 32

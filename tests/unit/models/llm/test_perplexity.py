"""Perplexity and its rise, over windows."""

import math

import pytest

from models.llm.perplexity import Scores, accuracies, perplexity, rise

BEFORE = Scores((20.0, 10.0, 15.0), (10, 10, 10), hits=(4, 5, 3), right=(True, False))


def test_perplexity_is_the_exponential_of_the_mean_loss():
    found = perplexity(BEFORE)

    assert found.value == pytest.approx(math.exp(1.5))
    assert found.low < found.value < found.high


def test_rise_is_a_share_of_the_reference():
    after = Scores(tuple(loss + 0.2 for loss in BEFORE.losses), BEFORE.tokens)

    found = rise(BEFORE, after)

    assert found.value == pytest.approx(math.exp(0.02) - 1)


def test_pairing_windows_makes_the_interval_of_an_even_rise_narrow():
    after = Scores(tuple(loss + 0.2 for loss in BEFORE.losses), BEFORE.tokens)

    found = rise(BEFORE, after)

    assert found.high - found.low < 1e-9


def test_rise_refuses_other_windows():
    with pytest.raises(ValueError, match="both must read the same windows"):
        rise(BEFORE, Scores((1.0,), (10,)))


def test_accuracies_count_next_tokens_and_endings():
    found = accuracies(BEFORE)

    assert found["next-token"].value == pytest.approx(0.4)
    assert (found["true-ending"].value, found["true-ending"].n) == (0.5, 2)


def test_one_window_has_an_interval_of_no_width():
    found = perplexity(Scores((3.0,), (3,)))

    assert found.low == found.high == pytest.approx(math.e)

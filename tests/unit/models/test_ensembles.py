"""The soft vote and its weights."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from models.ensembles import fit_weights, log_loss, soft_vote, softmax

LOGITS = arrays(np.float32, (3, 5), elements=st.floats(-80, 80, width=32))
likelihoods = st.integers(1, 30).flatmap(
    lambda photos: st.lists(
        st.lists(st.floats(0, 1), min_size=photos, max_size=photos),
        min_size=1,
        max_size=5,
    )
)


@given(likelihoods)
def test_weights_are_shares_whatever_the_members_say(said):
    weights = fit_weights(np.array(said))

    assert weights.min() >= 0
    assert weights.sum() == pytest.approx(1)


def test_members_that_are_equally_good_get_equal_weights():
    weights = fit_weights(np.full((3, 20), 0.7))

    assert weights == pytest.approx([1 / 3] * 3)


def test_better_member_gets_more():
    weights = fit_weights(np.array([[0.9] * 500, [0.2] * 500]))

    assert weights[0] > 0.8


def test_few_photos_barely_move_the_weights():
    weights = fit_weights(np.array([[1.0] * 20, [0.0] * 20, [0.0] * 20]))

    assert weights == pytest.approx([0.394, 0.303, 0.303], abs=0.001)


def test_without_a_prior_the_fit_is_the_likeliest_mixture():
    draw = np.random.default_rng(3)
    said = draw.uniform(0.01, 1, (2, 400))

    fitted = fit_weights(said, prior_photos=0.0)

    others = [np.array([share, 1 - share]) for share in np.linspace(0, 1, 201)]
    assert log_loss(said, fitted) <= min(log_loss(said, other) for other in others)


def test_fit_never_loses_against_equal_weights_on_its_own_photos():
    said = np.random.default_rng(4).uniform(0.01, 1, (3, 50))

    assert log_loss(said, fit_weights(said)) <= log_loss(said, np.full(3, 1 / 3))


@pytest.mark.parametrize("precision", [np.float32, np.float64])
def test_vote_is_the_weighted_mean_in_the_precision_of_its_members(precision):
    first = np.array([[4.0, 0.0]], precision)
    second = np.array([[0.0, 4.0]], precision)

    found = soft_vote([first, second], [0.75, 0.25])

    wanted = 0.75 * softmax(first) + 0.25 * softmax(second)
    assert found == pytest.approx(wanted)
    assert found.dtype == precision


@given(LOGITS)
def test_softmax_rows_are_distributions(logits):
    probabilities = softmax(logits)

    assert np.allclose(probabilities.sum(axis=1), 1, atol=1e-5)
    assert (probabilities >= 0).all()


@given(LOGITS, LOGITS)
def test_vote_is_a_distribution_between_its_members(one, other):
    vote = soft_vote([one, other], [1, 3])

    low = np.minimum(softmax(one), softmax(other))
    high = np.maximum(softmax(one), softmax(other))
    assert (vote >= low - 1e-6).all()
    assert (vote <= high + 1e-6).all()


def test_weights_need_not_sum_to_one():
    one, other = np.eye(3, dtype=np.float32), np.zeros((3, 3), np.float32)

    assert np.allclose(
        soft_vote([one, other], [2, 6]), soft_vote([one, other], [0.25, 0.75])
    )


def test_member_without_weight_has_no_say():
    one, other = np.eye(3, dtype=np.float32), 9 * np.ones((3, 3), np.float32)

    assert np.allclose(soft_vote([one, other], [1, 0]), softmax(one))


def test_softmax_survives_large_logits():
    assert softmax(np.array([[1e4, 0.0]], np.float32)).tolist() == [[1.0, 0.0]]

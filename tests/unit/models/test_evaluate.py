"""Right or wrong, and when a variant is refused."""

from pathlib import Path

import numpy as np
import pytest

from models.datasets import Dataset, Photo
from models.evaluate import calibration_error, judge, quality, snr_db, too_bad


def photos(labels: list[int]) -> Dataset:
    return Dataset(
        "set", "0" * 64, tuple(Photo(Path(f"{n}.jpg"), c) for n, c in enumerate(labels))
    )


def answers(predicted: list[int], classes: int = 10) -> np.ndarray:
    scores = np.tile(-np.arange(classes, dtype=np.float32), (len(predicted), 1))
    scores[np.arange(len(predicted)), predicted] = 5
    return scores


def test_judge_tells_top_1_from_top_5():
    # Class 0 has the highest score but one, class 9 the lowest of all.
    verdict = judge(answers([3, 3, 3]), np.array([3, 0, 9]))

    assert verdict.right.tolist() == [True, False, False]
    assert verdict.right_in_5.tolist() == [True, True, False]


def test_quality_without_a_reference_says_nothing_about_loss():
    fact = quality(photos([1, 2]), answers([1, 3]))

    assert (fact.top1.value, fact.agreement, fact.drop_points) == (0.5, None, None)


def test_quality_against_fp32_measures_the_loss_on_the_same_photos():
    labels = [1] * 100

    fact = quality(photos(labels), answers([2] * 3 + [1] * 97), answers([1] * 100))

    assert fact.agreement is not None
    assert fact.agreement.value == 0.97
    assert fact.drop_points is not None
    assert fact.drop_points.value == 3.0
    assert fact.p_value == pytest.approx(0.25)


def test_small_loss_on_few_photos_is_no_proof():
    fact = quality(photos([1] * 20), answers([2] + [1] * 19), answers([1] * 20))

    assert too_bad(fact, max_drop_points=1.0) is None


def test_loss_that_is_surely_too_large_is_refused():
    fact = quality(
        photos([1] * 1000), answers([2] * 40 + [1] * 960), answers([1] * 1000)
    )

    below = too_bad(fact, max_drop_points=1.0)

    assert below is not None
    assert below[0] == "at most 1 points of top-1 lost on set"
    assert below[1].startswith("4.00 (95% interval from 2.")


def test_half_of_twenty_answers_changed_is_refused_even_when_labels_agree_with_neither():
    fact = quality(photos([9] * 20), answers([2] * 10 + [1] * 10), answers([1] * 20))

    below = too_bad(fact, max_drop_points=1.0)

    assert below is not None
    assert below[0] == "FP32's answer on 90% of set"


def confident(share: float, right: int, wrong: int) -> tuple[np.ndarray, np.ndarray]:
    """Probabilities that give `share` to class 0, and so many labels of 0 and of 1."""
    scores = np.tile(np.array([share, 1 - share], np.float32), (right + wrong, 1))
    return scores, np.array([0] * right + [1] * wrong)


def test_confidence_that_is_right_as_often_as_it_says_has_no_error():
    found = calibration_error(*confident(0.8, right=80, wrong=20))

    assert found.value == pytest.approx(0, abs=1e-6)
    assert found.low == 0


def test_calibration_error_is_how_much_confidence_says_too_much():
    found = calibration_error(*confident(0.9, right=600, wrong=400))

    assert found.value == pytest.approx(0.3, abs=1e-6)
    assert 0.25 < found.low < found.value < found.high < 0.35


def test_calibration_error_of_logits_is_that_of_their_probabilities():
    shares, labels = confident(0.9, right=60, wrong=40)

    assert calibration_error(np.log(shares) + 3, labels).value == pytest.approx(
        calibration_error(shares, labels).value, abs=1e-6
    )


def test_noise_of_a_tenth_is_20_db():
    wanted = np.ones((2, 3), np.float32)

    assert snr_db(wanted, wanted * np.float32(1.1)) == pytest.approx(20, abs=0.01)
    assert snr_db(wanted, wanted) is None


def test_quality_against_fp32_has_a_bootstrap_interval_too():
    fact = quality(photos([1] * 100), answers([2] * 9 + [1] * 91), answers([1] * 100))

    assert fact.bootstrap is not None
    drop = fact.bootstrap.drop_points
    assert drop is not None
    assert 3 < drop.low < drop.value == 9.0 < drop.high < 16

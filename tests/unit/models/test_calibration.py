"""Temperatures."""

import numpy as np
import pytest

from models.calibration import WIDTH, fit_temperature, tempered
from models.ensembles import softmax


def drawn(temperature, n=4000, classes=5, seed=1):
    """Logits whose true distribution is theirs at `temperature`, and drawn labels."""
    draw = np.random.default_rng(seed)
    logits = draw.normal(scale=2.0, size=(n, classes)).astype(np.float32)
    shares = softmax(logits.astype(np.float64) / temperature).cumsum(axis=1)
    labels = (draw.uniform(size=(n, 1)) > shares).sum(axis=1)
    return logits, labels


@pytest.mark.parametrize("temperature", [0.5, 1.0, 3.0])
def test_temperature_that_made_the_labels_is_found(temperature):
    assert fit_temperature(*drawn(temperature)) == pytest.approx(temperature, rel=0.1)


def test_few_photos_without_a_mistake_do_not_make_a_member_infinitely_sure():
    logits = 5 * np.eye(4, dtype=np.float32)[[0, 1, 2, 3] * 5]

    found = fit_temperature(logits, np.array([0, 1, 2, 3] * 5))

    assert np.exp(-4 * WIDTH) < found < 1


def test_temperature_one_changes_nothing():
    logits, _ = drawn(1.0, n=3)

    assert np.array_equal(tempered(logits, 1.0), softmax(logits))


def test_temperature_never_changes_the_first_class():
    logits, _ = drawn(1.0, n=50)

    for temperature in (0.1, 0.7, 5.0):
        same = tempered(logits, temperature).argmax(axis=1) == logits.argmax(axis=1)
        assert same.all()
    assert tempered(logits, 2.0).dtype == np.float32

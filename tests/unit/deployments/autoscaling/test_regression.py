import numpy as np
import pytest

from deployments.autoscaling.regression import Regression

ROW = np.array([0])
ONE = np.ones(1)


def learner(keep=0.9998):
    return Regression(1, np.zeros(3), 10 * np.eye(3), keep)


def test_weights_are_found():
    model, draw = learner(), np.random.default_rng(0)
    for _ in range(500):
        x = draw.normal(size=(1, 3))
        model.learn(ROW, x, x @ np.array([1.0, -2.0, 0.5]), ONE)

    assert model.weights[0] == pytest.approx([1, -2, 0.5], abs=1e-3)


def test_burst_after_days_of_quiet_does_not_break_it():
    model, draw = learner(), np.random.default_rng(0)
    quiet = np.array([[1.0, 0.01, 0.0]])
    for _ in range(100_000):
        model.learn(ROW, quiet, ONE, ONE)

    for _ in range(200):
        x = np.abs(draw.normal(size=(1, 3))) * 30
        model.learn(ROW, x, x.sum(axis=1), ONE)

    assert np.linalg.eigvalsh(model.spread[0]).min() > 0
    assert model.predict(np.ones((1, 3)))[0] == pytest.approx(3, abs=0.1)


def test_only_named_rows_learn():
    model = Regression(2, np.zeros(3), np.eye(3), 0.99)

    model.learn(ROW, np.ones((1, 3)), ONE, ONE)

    assert model.weights[0].any()
    assert not model.weights[1].any()

"""Recursive least squares for many deployments at once, with slow forgetting."""

import numpy as np

from deployments.autoscaling.rows import Floats, Ints, Rows

MOST_TRACE = 1e4


class Regression(Rows):
    """One linear model a row; `spread` is the covariance of its weights."""

    def __init__(
        self, count: int, weights: Floats, spread: Floats, keep: float
    ) -> None:
        self._start, self._start_spread, self._keep = (weights,), (spread,), keep
        self.weights: Floats = np.tile(weights, (count, 1))
        self.spread: Floats = np.tile(spread, (count, 1, 1))

    def fresh(self, count: int) -> "Regression":
        return Regression(count, self._start[0], self._start_spread[0], self._keep)

    def predict(self, inputs: Floats) -> Floats:
        """One value a row."""
        found: Floats = (self.weights * inputs).sum(axis=1)
        return found

    def learn(self, rows: Ints, inputs: Floats, truths: Floats, weight: Floats) -> None:
        """Correct these rows by what came."""
        spread = self.spread[rows]
        turned = np.matmul(spread, inputs[:, :, None])[:, :, 0]
        scale = self._keep / weight + np.einsum("ni,ni->n", inputs, turned)
        gain: Floats = turned / scale[:, None]
        errors: Floats = truths - np.einsum("ni,ni->n", self.weights[rows], inputs)
        self.weights[rows] += gain * errors[:, None]
        spread -= gain[:, :, None] * turned[:, None, :]
        # Directions that traffic does not excite would grow until rounding breaks them.
        narrow = np.einsum("nii->n", spread) < MOST_TRACE
        spread[narrow] /= self._keep
        spread = (spread + spread.transpose(0, 2, 1)) / 2
        self.spread[rows] = spread

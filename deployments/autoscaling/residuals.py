"""How far forecasts have been off: a histogram of errors in units of their expected size."""

import numpy as np

from deployments.autoscaling.rows import Floats, Ints, Rows

BINS = 240
LOWEST, WIDTH = -2.7, 0.03
KEEP = 1 - 1 / 16_000
# Errors beyond are single bursts: capacity that waits for them costs more than they do.
MOST_Z = 7.0

# Bins are even in asinh(z): fine around zero, wide in the tail that bursts make.
_MIDDLES: Floats = np.sinh(LOWEST + WIDTH * (np.arange(BINS) + 0.5))
NORMAL: Floats = np.exp(-0.5 * (_MIDDLES / 1.3) ** 2) * np.sqrt(1 + _MIDDLES**2)


class Residuals(Rows):
    """The distribution of (truth - forecast) / scale, one a row."""

    def __init__(self, count: int) -> None:
        self.mass: Floats = np.tile(20 * NORMAL, (count, 1))
        self.below: Floats = np.cumsum(self.mass, axis=1)

    def fresh(self, count: int) -> "Residuals":
        return Residuals(count)

    def start(self, row: int, mass: Floats) -> None:
        """Begin a row with a known distribution."""
        self.mass[row], self.below[row] = mass, np.cumsum(mass)

    def learn(self, rows: Ints, z: Floats) -> None:
        """Count one error of each of these rows."""
        place = np.clip((np.arcsinh(z) - LOWEST) / WIDTH, 0, BINS - 1).astype(np.int64)
        self.mass[rows] *= KEEP
        self.mass[rows, place] += 1
        self.below[rows] = np.cumsum(self.mass[rows], axis=1)

    def quantile(self, alpha: Floats) -> Floats:
        """The z that a part `alpha` of the errors stays below."""
        sought = (alpha * self.below[:, -1])[:, None]
        place = np.minimum((self.below < sought).sum(axis=1), BINS - 1)
        found: Floats = np.minimum(_MIDDLES[place], MOST_Z)
        return found

    def above(self, row: int, z: float) -> float:
        """The part of one row's errors that exceeds z."""
        place = int(np.clip((np.arcsinh(z) - LOWEST) / WIDTH, 0, BINS - 1))
        return float(1 - self.below[row, place] / self.below[row, -1])

"""Jumps that come back: a calendar over the phases of likely periods, which finds them itself.

Each period is cut into slots; a slot remembers how large the last jumps in it were and how
often they came. It speaks after two hits, and only while the forecasts it would have made
beat those without it, so a period that is not there costs nothing.
"""

import numpy as np
import numpy.typing as npt

from deployments.autoscaling.rows import Flags, Floats, Ints, Rows

PERIODS_S = (300, 900, 1800, 3600, 7200, 86_400, 604_800)
SLOTS_S = (5, 5, 5, 5, 5, 30, 300)
_SLOTS: Ints = np.array(SLOTS_S)[:, None]
_PERIODS: Ints = np.array(PERIODS_S)[:, None]
_COUNTS: Ints = _PERIODS // _SLOTS
_STARTS: Ints = np.cumsum(_COUNTS)[:, None] - _COUNTS
_NEAR: Ints = np.array([-1, 0, 1])
JUMP = 0.25
KEEP = np.array([0.9, 0.9, 0.9, 0.9, 0.9, 0.8, 0.8], np.float32)
LEAST_HITS = 1.15
LEAST_RATE = 0.1
ALPHA = 0.95
KEEP_LOSS = 1 - 1 / 8000
BETTER = 0.998

Halves = npt.NDArray[np.float16]


class Spikes(Rows):
    """The calendars of many deployments; all periods lie one behind the other."""

    def __init__(self, count: int) -> None:
        slots = int(_COUNTS.sum())
        self.jumps: Halves = np.zeros((count, slots), np.float16)
        self.hits: Halves = np.zeros((count, slots), np.float16)
        self.seen: Halves = np.zeros((count, slots), np.float16)
        self.loss: Floats = np.zeros((count, len(PERIODS_S)))
        self.loss_without: Floats = np.zeros(count)

    def fresh(self, count: int) -> "Spikes":
        return Spikes(count)

    def expected(self, wall_s: Ints, level: Floats, unit: Floats) -> Floats:
        """The demand each period expects at these times, 0 where it expects no jump."""
        rows = np.arange(len(level))[:, None, None]
        places = _places(wall_s[:, None, None] + _NEAR * _SLOTS)
        hits = self.hits[rows, places]
        speaks = (hits > LEAST_HITS) & (hits > LEAST_RATE * self.seen[rows, places])
        jump = np.where(speaks, self.jumps[rows, places], 0).max(axis=2)
        grown = (level + unit)[:, None] * np.exp(jump.astype(float)) - unit[:, None]
        return np.where(jump > 0.8 * JUMP, grown, 0.0)

    def trusted(self) -> Flags:
        """Which periods have earned to be listened to."""
        better: Flags = self.loss < BETTER * self.loss_without[:, None]
        return better

    def learn(self, rows: Ints, wall_s: int, jump: Floats) -> None:
        """Note how far demand was above its level of a start ago, as a logarithm."""
        hit = (jump > JUMP)[:, None]
        at = rows[:, None], _places(np.array([[wall_s]]))[:, 0][None, :]
        size = np.where(hit, np.minimum(jump, 6.0)[:, None], 0.0)
        self.jumps[at] = np.maximum(size, self.jumps[at] * KEEP)
        self.hits[at] = self.hits[at] * KEEP + hit
        self.seen[at] = self.seen[at] * KEEP + 1

    def judge(
        self, rows: Ints, truth: Floats, without: Floats, expected: Floats
    ) -> None:
        """Compare the quantile with and without each period, in units of the level."""
        with_period = np.maximum(without[:, None], expected)
        self.loss[rows] *= KEEP_LOSS
        self.loss[rows] += _pinball(truth[:, None] - with_period)
        self.loss_without[rows] *= KEEP_LOSS
        self.loss_without[rows] += _pinball(truth - without)


def _places(wall_s: Ints) -> Ints:
    """Where the slots of these times lie; the last axis but one is the period."""
    return np.asarray(_STARTS + (wall_s % _PERIODS) // _SLOTS, np.int64)


def _pinball(short: Floats) -> Floats:
    return np.where(short > 0, ALPHA * short, (ALPHA - 1) * short)

"""Jumps that come back: a calendar over the phases of periods, listed or found.

Each period is cut into slots; a slot remembers how large the last jumps in it were and how
often they came. It speaks after two hits, and only while the forecasts it would have made
beat those without it, so a period that is not there costs nothing.
"""

import numpy as np
import numpy.typing as npt

from deployments.autoscaling import periods
from deployments.autoscaling.periods import SLOT_S
from deployments.autoscaling.rows import Flags, Floats, Ints, Rows

LISTED_S = (300, 900, 1800, 3600, 7200, 86_400, 604_800)
FOUND = 2
COUNT = len(LISTED_S) + FOUND
_SLOTS: Ints = np.array([5, 5, 5, 5, 5, 30, 300, SLOT_S, SLOT_S])
_COUNTS: Ints = np.array(
    [
        period // int(slot)
        for period, slot in zip(
            (*LISTED_S, *[(periods.LONGEST + 4) * SLOT_S] * FOUND), _SLOTS, strict=True
        )
    ]
)
_STARTS: Ints = np.cumsum(_COUNTS) - _COUNTS
_NEAR: Ints = np.array([-1, 0, 1])
JUMP = 0.25
KEEP = np.array([0.9, 0.9, 0.9, 0.9, 0.9, 0.8, 0.8, 0.9, 0.9], np.float32)
LEAST_HITS = 1.15
LEAST_RATE = 0.1
# A tenth too little keeps everybody waiting as long as the spike lasts.
MARGIN = 2.0
ALPHA = 0.95
KEEP_LOSS = 1 - 1 / 8000
BETTER = 0.998
# One deployment of so many is searched for unlisted periods every five seconds.
TURNS = 100
SAME_S = 0.3
LIKE = 0.05

Halves = npt.NDArray[np.float16]


class Spikes(Rows):
    """The calendars of many deployments; all periods lie one behind the other."""

    def __init__(self, count: int) -> None:
        slots = int(_COUNTS.sum())
        self.jumps: Halves = np.zeros((count, slots), np.float16)
        self.hits: Halves = np.zeros((count, slots), np.float16)
        self.seen: Halves = np.zeros((count, slots), np.float16)
        self.loss: Floats = np.zeros((count, COUNT))
        self.loss_without: Floats = np.zeros(count)
        # 0: none was found.
        self.period_s: Floats = np.tile([*LISTED_S, *[0.0] * FOUND], (count, 1))
        self.recent: Halves = np.zeros((count, periods.SLOTS), np.float16)
        self.slot: Ints = np.full(count, -1)

    def fresh(self, count: int) -> "Spikes":
        return Spikes(count)

    def expected(self, wall_s: Ints, level: Floats, unit: Floats) -> Floats:
        """The demand each period expects at these times, 0 where it expects no jump.

        `unit`: a small demand, above which a jump is measured.
        """
        rows = np.arange(len(level))[:, None, None]
        near = wall_s[:, None, None] + _NEAR * _SLOTS[:, None]
        places = _places(near, self.period_s[:, :, None])
        hits = self.hits[rows, places]
        speaks = (hits > LEAST_HITS) & (hits > LEAST_RATE * self.seen[rows, places])
        jump = np.where(speaks, self.jumps[rows, places], 0).max(axis=2)
        grown = (level + unit)[:, None] * np.exp(jump.astype(float)) - unit[:, None]
        # Arrivals of that rate scatter by so much over the wait budget.
        noise = np.sqrt(np.maximum(0, grown + unit[:, None] / 2) * unit[:, None] / 2)
        return np.where(jump > 0.8 * JUMP, grown + MARGIN * noise, 0.0)

    def trusted(self) -> Flags:
        """Which periods have earned to be listened to."""
        better: Flags = self.loss < BETTER * self.loss_without[:, None]
        return better & (self.period_s > 0)

    def learn(self, rows: Ints, wall_s: int, jump: Floats) -> None:
        """Note how far demand was above its level of a start ago, as a logarithm."""
        hit = (jump > JUMP)[:, None]
        times = np.full((len(rows), COUNT, 1), wall_s)
        at = rows[:, None], _places(times, self.period_s[rows][:, :, None])[:, :, 0]
        size = np.where(hit, np.minimum(jump, 6.0)[:, None], 0.0)
        self.jumps[at] = np.maximum(size, self.jumps[at] * KEEP)
        self.hits[at] = self.hits[at] * KEEP + hit
        self.seen[at] = self.seen[at] * KEEP + 1
        self._note(rows, wall_s // SLOT_S, size[:, 0])
        for row in rows[rows % TURNS == (wall_s // SLOT_S) % TURNS].tolist():
            self._search(row)

    def judge(
        self, rows: Ints, truth: Floats, without: Floats, expected: Floats
    ) -> None:
        """Compare the quantile with and without each period, in units of the level."""
        with_period = np.maximum(without[:, None], expected)
        self.loss[rows] *= KEEP_LOSS
        self.loss[rows] += _pinball(truth[:, None] - with_period)
        self.loss_without[rows] *= KEEP_LOSS
        self.loss_without[rows] += _pinball(truth - without)

    def _note(self, rows: Ints, slot: int, size: Floats) -> None:
        """Put the jumps on the line of the last hours; what was not seen is empty."""
        passed = slot - self.slot[rows]
        lost = np.flatnonzero(passed != 1)
        if len(lost):
            gone = np.where(passed[lost] < 1, periods.SLOTS, passed[lost])
            back = (slot - np.arange(periods.SLOTS)) % periods.SLOTS
            kept = back[None, :] >= gone[:, None]
            self.recent[rows[lost]] = np.where(kept, self.recent[rows[lost]], 0)
        self.slot[rows] = slot
        self.recent[rows, slot % periods.SLOTS] = size

    def _search(self, row: int) -> None:
        order = (self.slot[row] + 1 + np.arange(periods.SLOTS)) % periods.SLOTS
        jumps = self.recent[row, order].astype(np.float64)
        found = periods.periods(jumps > 0, FOUND)
        for place, period_s in enumerate(found, start=len(LISTED_S)):
            old_s = self.period_s[row, place]
            if _listed(period_s) or abs(period_s - old_s) <= SAME_S:
                continue
            if abs(period_s - old_s) > LIKE * old_s:
                self.loss[row, place] = self.loss_without[row]
            self.period_s[row, place] = period_s
            self._rebuild(row, place, jumps)

    def _rebuild(self, row: int, place: int, jumps: Floats) -> None:
        """Fill the calendar of a period that was just found with the last hours."""
        ages = np.arange(len(jumps))[::-1]
        times = (self.slot[row] - ages) * SLOT_S
        period_s = self.period_s[row, place]
        at = ((times % period_s) // SLOT_S).astype(np.int64)
        weight = float(KEEP[place]) ** np.floor(ages * SLOT_S / period_s)
        hits, seen, largest = np.zeros((3, _COUNTS[place]))
        np.add.at(hits, at, weight * (jumps > 0))
        np.add.at(seen, at, weight)
        np.maximum.at(largest, at, weight * jumps)
        here = slice(_STARTS[place], _STARTS[place] + _COUNTS[place])
        self.hits[row, here], self.seen[row, here] = hits, seen
        self.jumps[row, here] = largest


def _places(wall_s: Ints, period_s: Floats) -> Ints:
    """Where the slots of these times lie; the last axis but one is the period."""
    phase = np.mod(wall_s, np.where(period_s > 0, period_s, 1.0))
    return np.asarray(_STARTS[:, None] + phase // _SLOTS[:, None], np.int64)


def _listed(period_s: float) -> bool:
    """A listed period up to two hours holds it a whole number of times."""
    short = np.array(LISTED_S[:5])
    times = np.round(short / period_s)
    return bool(((times > 0) & (np.abs(short - times * period_s) < SLOT_S / 2)).any())


def _pinball(short: Floats) -> Floats:
    return np.where(short > 0, ALPHA * short, (ALPHA - 1) * short)

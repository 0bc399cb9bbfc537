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
_LOG_KEEP = np.log(KEEP)
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
        self.rises: Halves = np.zeros((count, slots), np.float16)
        self.loss: Floats = np.zeros((count, COUNT))
        self.loss_without: Floats = np.zeros(count)
        # The same beside all periods that do better than this one.
        self.more: Floats = np.zeros((count, COUNT))
        self.more_without: Floats = np.zeros((count, COUNT))
        # 0: none was found.
        self.period_s: Floats = np.tile([*LISTED_S, *[0.0] * FOUND], (count, 1))
        self.recent: Halves = np.zeros((count, periods.SLOTS), np.float16)
        self.risen: Halves = np.zeros((count, periods.SLOTS), np.float16)
        self.slot: Ints = np.full(count, -1)

    def fresh(self, count: int) -> "Spikes":
        return Spikes(count)

    def expected(self, wall_s: Ints, level: Floats, unit: Floats) -> Floats:
        """The demand each period expects at these times, 0 where it expects no jump.

        A crowd multiplies what is there, a job adds to it; which of the two a jump is shows
        when the level has changed, and then the smaller one is believed.

        `unit`: a small demand, above which a jump is measured.
        """
        near = wall_s[:, None, None] + _NEAR * _SLOTS[:, None]
        places = _places(near, self.period_s[:, :, None])
        places += np.arange(len(level))[:, None, None] * self.hits.shape[1]
        hits, seen = self.hits.take(places), self.seen.take(places)
        speaks = (hits > LEAST_HITS) & (hits > LEAST_RATE * seen)
        jump = np.where(speaks, self.jumps.take(places), 0).max(axis=2)
        rise = np.where(speaks, self.rises.take(places), 0).max(axis=2)
        times = (level + unit)[:, None] * np.exp(jump.astype(float)) - unit[:, None]
        grown = np.minimum(times, level[:, None] + np.expm1(rise.astype(float)))
        # Arrivals of that rate scatter by so much over the wait budget.
        noise = np.sqrt(np.maximum(0, grown + unit[:, None] / 2) * unit[:, None] / 2)
        return np.where(jump > 0.8 * JUMP, grown + MARGIN * noise, 0.0)

    def trusted(self) -> Flags:
        """Which periods have earned to be listened to, each beside those that do better.

        A job of every half hour is also one of every five minutes, with five false alarms.
        """
        adds = self.more < BETTER * self.more_without
        return self._better() & adds

    def _better(self) -> Flags:
        """Which periods do better than none."""
        better: Flags = self.loss < BETTER * self.loss_without[:, None]
        return better & (self.period_s > 0)

    def learn(self, rows: Ints, wall_s: int, jump: Floats, rise: Floats) -> None:
        """Note how far demand was above its level of a start ago.

        `jump`: as the logarithm of their ratio; `rise`: in requests a second.
        """
        hit = (jump > JUMP)[:, None]
        times = np.full((len(rows), COUNT, 1), wall_s)
        at = rows[:, None], _places(times, self.period_s[rows][:, :, None])[:, :, 0]
        size = np.where(hit, np.minimum(jump, 6.0)[:, None], 0.0)
        self.jumps[at] = np.maximum(size, self.jumps[at] * KEEP)
        more = np.where(hit, np.log1p(np.maximum(0, rise))[:, None], 0.0)
        self.rises[at] = np.maximum(more, self.rises[at] + _LOG_KEEP)
        self.hits[at] = self.hits[at] * KEEP + hit
        self.seen[at] = self.seen[at] * KEEP + 1
        self._note(rows, wall_s // SLOT_S, (size[:, 0], more[:, 0]))
        for row in rows[rows % TURNS == (wall_s // SLOT_S) % TURNS].tolist():
            self._search(row)

    def judge(
        self, rows: Ints, truth: Floats, without: Floats, expected: Floats
    ) -> None:
        """Compare the quantile with and without each period, in units of the level."""
        order = np.argsort(self.loss[rows], axis=1, kind="stable")
        heard = np.where(self._better()[rows], expected, 0.0)
        best = np.take_along_axis(heard, order, axis=1)
        best = np.maximum.accumulate(best, axis=1)
        before = np.zeros_like(best)
        np.put_along_axis(before, order[:, 1:], best[:, :-1], axis=1)
        beside = np.maximum(without[:, None], before)
        for sums, guess in (
            (self.loss, np.maximum(without[:, None], expected)),
            (self.more, np.maximum(beside, expected)),
            (self.more_without, beside),
        ):
            sums[rows] = KEEP_LOSS * sums[rows] + _pinball(truth[:, None] - guess)
        none = KEEP_LOSS * self.loss_without[rows] + _pinball(truth - without)
        self.loss_without[rows] = none

    def _note(self, rows: Ints, slot: int, seen: tuple[Floats, Floats]) -> None:
        """Put the jumps on the line of the last hours; what was not seen is empty."""
        passed = slot - self.slot[rows]
        lost = np.flatnonzero(passed != 1)
        if len(lost):
            gone = np.where(passed[lost] < 1, periods.SLOTS, passed[lost])
            back = (slot - np.arange(periods.SLOTS)) % periods.SLOTS
            kept = back[None, :] >= gone[:, None]
            for line in (self.recent, self.risen):
                line[rows[lost]] = np.where(kept, line[rows[lost]], 0)
        self.slot[rows] = slot
        for line, new in zip((self.recent, self.risen), seen, strict=True):
            line[rows, slot % periods.SLOTS] = new

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
                self.more[row, place] = self.more_without[row, place]
            self.period_s[row, place] = period_s
            rises = self.risen[row, order].astype(np.float64)
            self._rebuild(row, place, jumps, rises)

    def _rebuild(self, row: int, place: int, jumps: Floats, rises: Floats) -> None:
        """Fill the calendar of a period that was just found with the last hours."""
        ages = np.arange(len(jumps))[::-1]
        times = (self.slot[row] - ages) * SLOT_S
        period_s = self.period_s[row, place]
        at = ((times % period_s) // SLOT_S).astype(np.int64)
        weight = float(KEEP[place]) ** np.floor(ages * SLOT_S / period_s)
        hits, seen, largest, most = np.zeros((4, _COUNTS[place]))
        np.add.at(hits, at, weight * (jumps > 0))
        np.add.at(seen, at, weight)
        np.maximum.at(largest, at, weight * jumps)
        np.maximum.at(most, at, rises)
        here = slice(_STARTS[place], _STARTS[place] + _COUNTS[place])
        self.hits[row, here], self.seen[row, here] = hits, seen
        self.jumps[row, here], self.rises[row, here] = largest, most


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

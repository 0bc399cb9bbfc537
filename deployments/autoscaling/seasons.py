"""What a day and a week usually look like: mean rates of five-minute slots."""

import numpy as np

from deployments.autoscaling.rows import Floats, Ints, Rows

SLOT_S = 300
DAY_SLOTS = 86_400 // SLOT_S
WEEK_SLOTS = 7 * DAY_SLOTS
NEW_PART = 0.4


class Seasons(Rows):
    """Usual rates by the time of the day and of the week; NaN where never seen."""

    def __init__(self, count: int) -> None:
        self.day: Floats = np.full((count, DAY_SLOTS), np.nan)
        self.week: Floats = np.full((count, WEEK_SLOTS), np.nan)
        self.counted: Floats = np.zeros(count)
        self.seconds: Ints = np.zeros(count, np.int64)

    def fresh(self, count: int) -> "Seasons":
        return Seasons(count)

    def add(self, wall_s: int, counts: Floats) -> None:
        """Count the arrivals of the second that ended at this time of the epoch."""
        self.counted += counts
        self.seconds += 1
        if wall_s % SLOT_S:
            return
        slot = wall_s // SLOT_S - 1
        mean = self.counted / np.maximum(1, self.seconds)
        whole = self.seconds >= SLOT_S // 2
        for usual in (self.day, self.week):
            place = slot % usual.shape[1]
            old = usual[:, place]
            mixed = np.where(
                np.isnan(old), mean, NEW_PART * mean + (1 - NEW_PART) * old
            )
            usual[:, place] = np.where(whole, mixed, old)
        self.counted[:] = 0
        self.seconds[:] = 0

    def usual(self, wall_s: int, ahead_s: Ints) -> tuple[Floats, Floats, Floats]:
        """The usual rate of the day now, of the day then, and of the week then."""
        rows = np.arange(len(self.day))
        then = (wall_s + ahead_s) // SLOT_S
        now_rate = self.day[:, (wall_s // SLOT_S) % DAY_SLOTS]
        day_then = np.fmax(self.day[rows, then % DAY_SLOTS], now_rate)
        return now_rate, day_then, self.week[rows, then % WEEK_SLOTS]

"""How long a run takes by its number of rows, learned from the runs themselves. Pure.

Two questions, two answers. `expect_s` and `late_s` plan: what a run takes as a rule, and
what nineteen of twenty stay below. `least_s` refuses: no run was ever faster, so that what
cannot be done in that time cannot be done.
"""

import math
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field

KEEP = 0.99
"""What an earlier run counts after one more: half of it after 69 runs."""

BELIEF = 4.0
"""Runs of a size that count as much as the line through all sizes."""

UNREAD = 64
"""Runs kept for a reader who may never come; older ones are forgotten."""

KNOWN = 256
"""Runs after which a model is well known."""

STEP = 0.05
LATE_STEP = 0.02
SMALL = 1e-9


@dataclass(slots=True)
class Line:
    """Seconds as a + b * rows, fitted run by run; outliers pull it only a little."""

    weight: float = 0.0
    rows: float = 0.0
    rows_rows: float = 0.0
    time: float = 0.0
    rows_time: float = 0.0
    deviation: float = 0.3
    a_s: float = 0.0
    b_s: float = 0.0

    def at(self, rows: int) -> float:
        """Seconds of a run of `rows`; 0: nothing is known."""
        return self.a_s + self.b_s * rows

    def learn(self, rows: int, run_s: float, weight: float = 1.0) -> None:
        """Add a run; errors count relatively, so that large batches don't outvote."""
        believed = self.at(rows) or run_s
        off = abs(run_s - believed) / believed
        pull = min(1.0, 3 * self.deviation / max(off, SMALL))  # Huber
        self.deviation += 0.05 * (min(off, 3 * self.deviation) - self.deviation)
        self.deviation = max(self.deviation, 0.01)
        self._add(rows, run_s, weight * pull / (believed * believed))
        self._fit()

    def _add(self, rows: int, run_s: float, weight: float) -> None:
        self.weight = KEEP * self.weight + weight
        self.rows = KEEP * self.rows + weight * rows
        self.rows_rows = KEEP * self.rows_rows + weight * rows * rows
        self.time = KEEP * self.time + weight * run_s
        self.rows_time = KEEP * self.rows_time + weight * rows * run_s

    def _fit(self) -> None:
        spread = self.weight * self.rows_rows - self.rows * self.rows
        if spread <= 1e-6 * self.weight * self.rows_rows:  # one size: a line through it
            self.a_s, self.b_s = 0.0, self.rows_time / self.rows_rows
            return
        slope = (self.weight * self.rows_time - self.rows * self.time) / spread
        self.b_s = max(0.0, slope)
        self.a_s = (self.time - self.b_s * self.rows) / self.weight
        if self.a_s < 0:
            self.a_s, self.b_s = 0.0, self.rows_time / self.rows_rows


@dataclass(slots=True)
class Size:
    """What is known of runs of one size: their median, the fastest, how many."""

    median_s: float
    least_s: float
    runs: int = 0

    def learn(self, run_s: float) -> None:
        """Move the median a step; many steps find it, one outlier does not."""
        self.runs += 1
        step = max(STEP, 1 / self.runs)
        ratio = run_s / self.median_s
        self.median_s *= min(1 + step, max(1 / (1 + step), ratio))
        self.least_s = min(self.least_s, run_s)


@dataclass(slots=True)
class Latency:
    """Learns one model's runs on one replica.

    `prior`: seconds by rows from the model's card, believed until runs say otherwise.
    They never refuse a request: another machine measured them.
    """

    prior: Mapping[int, float] = field(default_factory=dict)
    _late_ratio: float = 1.0
    _fresh: deque[tuple[int, float]] = field(
        default_factory=lambda: deque(maxlen=UNREAD)
    )
    _line: Line = field(default_factory=Line)
    _sizes: dict[int, Size] = field(default_factory=dict)
    _floor: list[tuple[int, float]] = field(default_factory=list)
    _least: dict[int, float] = field(default_factory=dict)
    _least_row: dict[int, float] = field(default_factory=dict)
    _runs: int = 0

    def __post_init__(self) -> None:
        self.believe(self.prior)

    def believe(self, run_s: Mapping[int, float]) -> None:
        """Take seconds of a run by rows as true until runs here say otherwise."""
        for rows, one_s in sorted(run_s.items()):
            self._line.learn(rows, max(one_s, SMALL))

    def learn(self, rows: int, run_s: float) -> None:
        """Take note of a run that ended well; it is made sense of when somebody asks."""
        self._runs += 1
        # Once it is well known, one run of four keeps it so at a quarter of the cost.
        if self._runs <= KNOWN or not self._runs % 4:
            self._fresh.append((rows, run_s))

    def expect_s(self, rows: int) -> float:
        """Seconds that a run of `rows` takes as a rule; 0: nothing is known yet."""
        if self._fresh:
            self._read()
        return self._expected_s(rows)

    def late_s(self, rows: int) -> float:
        """Seconds that nineteen of twenty runs of `rows` stay below."""
        return self.expect_s(rows) * self._late_ratio

    def least_s(self, rows: int) -> float:
        """No run of `rows` was seen to take less; 0 when none says so."""
        if self._fresh:
            self._read()
        found_s = self._least.get(rows)
        if found_s is None:
            found_s = self._least[rows] = self._find_least_s(rows)
        return found_s

    def least_row_s(self, full_rows: int) -> float:
        """The fewest seconds a row ever took in a batch of at most `full_rows`."""
        if self._fresh:
            self._read()
        found_s = self._least_row.get(full_rows)
        if found_s is None:
            shares = [s / size for size, s in self._floor if size <= full_rows]
            # A full batch may be cheaper a row than all that were seen, not shorter.
            found_s = min([*shares, self.least_s(full_rows) / full_rows])
            self._least_row[full_rows] = found_s
        return found_s

    def _find_least_s(self, rows: int) -> float:
        least_s = 0.0
        for size, fastest_s in self._floor:
            if size > rows:
                # Larger batches are not dearer a row, so that a share of one is a floor.
                return least_s or fastest_s * rows / size
            least_s = fastest_s
        return least_s

    def _expected_s(self, rows: int) -> float:
        line_s, size = self._line.at(rows), self._sizes.get(rows)
        if size is None:
            return line_s
        return (size.runs * size.median_s + BELIEF * line_s) / (size.runs + BELIEF)

    def _read(self) -> None:
        while self._fresh:
            rows, run_s = self._fresh.popleft()
            self._read_one(rows, max(run_s, SMALL))

    def _read_one(self, rows: int, run_s: float) -> None:
        expected_s = self._expected_s(rows) or run_s
        # A quantile by steps: a run above it moves it up by as much as 19 below it, down.
        above = run_s > expected_s * self._late_ratio
        moved = math.exp(LATE_STEP * (0.95 if above else -0.05))
        self._late_ratio = min(10.0, max(1.0, self._late_ratio * moved))
        self._line.learn(rows, run_s)
        size = self._sizes.setdefault(rows, Size(run_s, math.inf))
        faster = run_s < size.least_s
        size.learn(run_s)
        if faster:
            self._floor = _floor(self._sizes)
            self._least.clear()
            self._least_row.clear()


def _floor(sizes: Mapping[int, Size]) -> list[tuple[int, float]]:
    """Fastest runs by size, ascending; what a larger batch did a smaller one can do."""
    found, least_s = [], math.inf
    for rows in sorted(sizes, reverse=True):
        least_s = min(least_s, sizes[rows].least_s)
        found.append((rows, least_s))
    return found[::-1]

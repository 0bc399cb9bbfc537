"""Runs a desk over a trace of arrivals on a clock of its own. Pure and deterministic.

The same decisions as on a replica, with a table in place of the model: what a run takes
follows from its rows alone, or from a seeded draw around that.
"""

import heapq
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import count

from configs.model import BatchingSpec
from deployments.batching.desk import Desk
from deployments.batching.latency import Latency
from deployments.batching.outlook import Run
from deployments.batching.waiting import NEVER, Refused, Waiting

Takes = Callable[[int], float]
"""Rows of a batch → seconds of its run."""


@dataclass(frozen=True, slots=True)
class Arrival:
    """A request of a trace; `within_s` after `at_s` its answer is of no use any more."""

    at_s: float
    rows: int = 1
    within_s: float = NEVER
    level: int = 1
    timeout_s: float = NEVER
    bucket: object = None


class Guest(Waiting):
    """An arrival on its way through the replay; `due_s` is what its client wants."""

    started_s = ended_s = refused_s = NEVER
    refused: Refused | None = None

    def __init__(self, number: int, arrival: Arrival, told: bool) -> None:
        super().__init__(arrival.rows, arrival.at_s)
        self.number, self.level = number, arrival.level
        self.due_s = arrival.at_s + arrival.within_s
        self.deadline_s = self.due_s if told else NEVER
        self.expires_s = arrival.at_s + arrival.timeout_s
        self.bucket = arrival.bucket

    @property
    def in_time(self) -> bool:
        """Whether it was answered before its deadline."""
        return self.ended_s <= self.due_s and self.refused is None


@dataclass(frozen=True, slots=True)
class Replayed:
    """What became of every arrival, in order, and the batches as numbers of arrivals."""

    guests: list[Guest]
    batches: list[list[int]]
    busy_s: float


@dataclass(slots=True)
class Setting:
    """A replica: `slots` runs at once, and whether its desk knows the deadlines.

    `untold`: numbers of arrivals whose deadline it does not know although it knows those
    of others; what would have become of them had they not been refused.
    """

    limits: BatchingSpec
    takes: Takes
    slots: int = 1
    deadlines: bool = True
    untold: Collection[int] = ()
    latency: Latency = field(default_factory=Latency)


def replay(arrivals: Iterable[Arrival], setting: Setting) -> Replayed:
    """Serve `arrivals`, ascending in time, until all are answered or refused."""
    return _Replica(setting).serve(
        [
            Guest(number, a, setting.deadlines and number not in setting.untold)
            for number, a in enumerate(arrivals)
        ]
    )


class _Replica:
    """Events in order of time; the shell's part of the work, without its threads."""

    def __init__(self, setting: Setting) -> None:
        self._setting = setting
        self._desk = Desk[Guest](setting.limits, setting.slots, setting.latency)
        self._free = setting.slots
        self._events: list[tuple[float, int, Callable[[float], None]]] = []
        self._order = count()
        self._batches: list[list[int]] = []
        self._busy_s = 0.0
        self._armed_s = NEVER

    def serve(self, guests: list[Guest]) -> Replayed:
        for guest in guests:
            self._at(guest.arrived_s, partial(self._arrive, guest))
        while self._events:
            now_s, _, act = heapq.heappop(self._events)
            act(now_s)
            self._sift(now_s)
            self._seal(now_s)
        return Replayed(guests, self._batches, self._busy_s)

    def _at(self, at_s: float, act: Callable[[float], None]) -> None:
        heapq.heappush(self._events, (at_s, next(self._order), act))

    def _arrive(self, guest: Guest, now_s: float) -> None:
        why = self._desk.offer(guest, now_s)
        if why is not None:
            guest.refused, guest.refused_s = why, now_s

    def _sift(self, now_s: float) -> None:
        if self._desk.alarm_s <= now_s:
            self._refuse(now_s)
        if self._desk.alarm_s < self._armed_s:
            self._armed_s = self._desk.alarm_s
            self._at(max(now_s, self._armed_s), self._disarm)

    def _refuse(self, now_s: float) -> None:
        for guest, why in self._desk.sift(now_s):
            guest.refused, guest.refused_s = why, now_s

    def _disarm(self, now_s: float) -> None:
        self._armed_s = NEVER

    def _seal(self, now_s: float) -> None:
        desk = self._desk
        while self._free and desk.line.rows:
            wait_s = desk.wait_s(now_s)
            if wait_s > 0:
                self._at(now_s + max(wait_s, 1e-6), lambda now_s: None)
                return
            if desk.due(now_s):
                self._refuse(now_s)
            batch = desk.seal(now_s)
            if batch:
                self._start(batch, now_s)

    def _start(self, batch: Sequence[Guest], now_s: float) -> None:
        rows = sum(guest.rows for guest in batch)
        run_s = self._setting.takes(rows)
        run = self._desk.started(rows, now_s)
        self._free -= 1
        self._busy_s += run_s
        self._batches.append([guest.number for guest in batch])
        for guest in batch:
            guest.started_s = now_s
        self._at(now_s + run_s, lambda now_s: self._end(run, batch, now_s))

    def _end(self, run: Run, batch: Sequence[Guest], now_s: float) -> None:
        self._desk.ended(run, now_s)
        self._free += 1
        for guest in batch:
            guest.ended_s = now_s

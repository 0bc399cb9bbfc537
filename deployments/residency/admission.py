"""Whether a model may be loaded now, who must leave first, or that it never fits. Pure."""

import math
import sys
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from deployments.residency.eviction import LEAST_DEMAND, Resident, Room, victims

PATIENCE_S = 0.25
"""Who waits longer for a model to fall idle has one in use closed to new requests."""

MARGIN = 1.25
"""A prefetched model must be worth so much more than who leaves for it."""

UNBOUNDED = sys.maxsize


@dataclass(frozen=True, slots=True)
class Occupant:
    """A resident model and what keeps it in its place."""

    resident: Resident
    in_use: bool
    pinned: bool
    since_s: float


@dataclass(frozen=True, slots=True)
class Books:
    """What is counted at one moment.

    `occupied` includes models on their way in and out; `leaving` are the latter.
    """

    limit: Room
    occupied: Room
    leaving: Room
    occupants: Collection[Occupant]
    min_resident_s: float
    now_s: float

    def lack(self, need: Room) -> Room:
        """What is missing for `need`, when all who leave are gone."""
        return self.occupied + need - self.limit - self.leaving

    def ripe(self) -> Sequence[Occupant]:
        """Those who have been here long enough and may go."""
        return [
            occupant
            for occupant in self.occupants
            if not occupant.pinned
            and self.now_s - occupant.since_s >= self.min_resident_s
        ]


@dataclass(frozen=True, slots=True)
class Enter:
    """There is room."""


@dataclass(frozen=True, slots=True)
class Evict:
    """These must leave; ask again when they are gone."""

    keys: Sequence[str]


@dataclass(frozen=True, slots=True)
class Wait:
    """Ask again after `again_s`, or when a model falls idle or leaves."""

    again_s: float


@dataclass(frozen=True, slots=True)
class Never:
    """It does not fit beside what is pinned."""

    free: Room


Verdict = Enter | Evict | Wait | Never


def admit(need: Room, books: Books, waited_s: float) -> Verdict:
    """What happens to a model of size `need` whose request has waited `waited_s`."""
    pinned = [o.resident.size for o in books.occupants if o.pinned]
    most = books.limit - sum(pinned, Room())
    if not most.holds(need):
        return Never(most)
    if books.limit.holds(books.occupied + need):
        return Enter()
    lack = books.lack(need)
    if Room().holds(lack):
        return Wait(math.inf)
    ripe = books.ripe()
    keys = victims([o.resident for o in ripe if not o.in_use], lack)
    if keys is None and waited_s >= PATIENCE_S:
        keys = victims([o.resident for o in ripe], lack)
    return Wait(_again_s(books, waited_s)) if keys is None else Evict(keys)


def admit_early(newcomer: Resident, books: Books) -> Sequence[str] | None:
    """Who leaves for a model that is only expected; None: it is not worth it now."""
    if books.limit.holds(books.occupied + newcomer.size):
        return []
    if newcomer.demand <= LEAST_DEMAND:
        return None
    lesser = [
        o.resident
        for o in books.ripe()
        if not o.in_use and MARGIN * o.resident.worth < newcomer.worth
    ]
    return victims(lesser, books.lack(newcomer.size))


def _again_s(books: Books, waited_s: float) -> float:
    moments = [
        o.since_s + books.min_resident_s - books.now_s
        for o in books.occupants
        if not o.pinned
    ]
    moments.append(PATIENCE_S - waited_s)
    return min((moment for moment in moments if moment > 0), default=math.inf)

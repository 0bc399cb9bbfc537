"""Who leaves when memory is needed. Pure.

By worth: how many seconds of loading a byte saves. That is the demand for a model times
what its reload costs, divided by its bytes. It is the rule of GreedyDual-Size-Frequency
(Cherkasova 1998), with demand that fades with time where GDSF adds the worth of the last
victim: both let what was popular yesterday go.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

LEAST_DEMAND = 1e-9
"""Requests a second of a model that nobody asked: what is cheap to reload goes first."""


@dataclass(frozen=True, slots=True)
class Room:
    """Bytes of the host and of the accelerator."""

    host: int = 0
    device: int = 0

    def __add__(self, other: "Room") -> "Room":
        return Room(self.host + other.host, self.device + other.device)

    def __sub__(self, other: "Room") -> "Room":
        return Room(self.host - other.host, self.device - other.device)

    def holds(self, other: "Room") -> bool:
        """Whether `other` fits into this."""
        return other.host <= self.host and other.device <= self.device


@dataclass(frozen=True, slots=True)
class Resident:
    """A loaded model, as far as its leaving is concerned.

    `demand`: requests a second. `reload_s`: what loading it again would take.
    """

    key: str
    size: Room
    demand: float
    reload_s: float

    @property
    def worth(self) -> float:
        """Seconds of loading a second that a byte of it saves."""
        size_bytes = max(1, self.size.host + self.size.device)
        return max(self.demand, LEAST_DEMAND) * self.reload_s / size_bytes


def victims(movable: Collection[Resident], lack: Room) -> Sequence[str] | None:
    """Those that leave so that `lack` becomes free; None: all together are too few.

    The least worth first; whoever turns out not to be needed stays.
    """
    chosen: list[Resident] = []
    freed = Room()
    for resident in sorted(movable, key=lambda r: (r.worth, r.key)):
        if freed.holds(lack):
            break
        if _helps(resident.size, lack - freed):
            chosen.append(resident)
            freed += resident.size
    if not freed.holds(lack):
        return None
    for resident in sorted(chosen, key=lambda r: (-r.worth, r.key)):
        if (freed - resident.size).holds(lack):
            chosen.remove(resident)
            freed -= resident.size
    return [resident.key for resident in chosen]


def _helps(size: Room, lack: Room) -> bool:
    return (lack.host > 0 and size.host > 0) or (lack.device > 0 and size.device > 0)

"""On how many replicas a model should be, by the work it makes. Pure.

Its work (requests a second times seconds of a slot) must find room beside what else its
replicas do. More replicas at once, fewer only after a while of less work.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

FULL = 0.7
"""Part of a replica's slots that is planned with; the rest is for bursts."""

SPARE = 0.75
"""A copy goes when the rest would be filled no more than so far of that."""

HOLD_S = 10.0


@dataclass(frozen=True, slots=True)
class Spread:
    """How many copies there should be; `less_since_s`: since when fewer would do."""

    copies: int = 1
    less_since_s: float | None = None


@dataclass(frozen=True, slots=True)
class Need:
    """`work`: slots that a model keeps busy, or would if it could.

    `rooms`: slots that each replica could give it, in the order of its ranks. `whole`:
    what a replica that does nothing else could.
    """

    work: float
    rooms: Sequence[float]
    whole: float = FULL

    def copies(self, part: float = 1.0) -> int:
        """Replicas until the work has room in `part` of what they could give.

        At most one more than would do if they did nothing else: in a crowded pool a
        small model is no better off elsewhere.
        """
        alone = math.ceil(self.work / (part * self.whole))
        found = 0.0
        for count, room in enumerate(self.rooms, start=1):
            found += part * room
            if found >= self.work or count > alone:
                return count
        return max(1, len(self.rooms))


def spread(before: Spread, need: Need, now_s: float) -> Spread:
    """How many copies from now on; `now_s` is on any clock."""
    most = max(1, len(need.rooms))
    needed = need.copies()
    if needed >= before.copies:
        return Spread(min(needed, most))
    if need.copies(SPARE) >= before.copies:
        return Spread(min(before.copies, most))
    since_s = now_s if before.less_since_s is None else before.less_since_s
    if now_s - since_s < HOLD_S:
        return Spread(min(before.copies, most), since_s)
    return Spread(min(before.copies - 1, most), now_s)

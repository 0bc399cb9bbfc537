"""What a caller knows of one replica of a pool, in numbers that replicas tell. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

WARM, SLOTS = "warm", "slots"


@dataclass(frozen=True, slots=True)
class Seen:
    """`warm`: by node name of what is loaded or loading, the slots it keeps busy."""

    replica: str
    slots: int = 1
    warm: Mapping[str, float] = field(default_factory=dict)

    def load(self) -> float:
        """How many of its slots are busy. A model has several names, with one load."""
        return sum({name.split(":")[1]: x for name, x in self.warm.items()}.values())


def told(slots: int, warm: Mapping[str, float]) -> dict[str, Any]:
    """What a replica tells; rounded, so that it is news only when it is."""
    return {SLOTS: slots, WARM: {name: round(x, 2) for name, x in warm.items()}}


def seen(replica: str, stats: Mapping[str, Any]) -> Seen:
    """What was told; a replica that told nothing yet holds nothing."""
    return Seen(replica, stats.get(SLOTS, 1), stats.get(WARM, {}))

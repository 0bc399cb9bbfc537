"""How long and how often is measured. Pure."""

from collections.abc import Sequence
from typing import TypeVar

from models.card import Fact

Item = TypeVar("Item")


class Plan(Fact):
    """What happens in one run of the command."""

    repeats: int
    concurrency: tuple[int, ...]
    open_percent: tuple[int, ...]
    warmup_s: float
    duration_s: float
    idle_s: float
    split_requests: int


FULL = Plan(
    repeats=3,
    concurrency=(1, 8, 32),
    open_percent=(50, 80, 100),
    warmup_s=1.0,
    duration_s=5.0,
    idle_s=5.0,
    split_requests=300,
)
QUICK = Plan(
    repeats=1,
    concurrency=(1, 8, 32),
    open_percent=(80,),
    warmup_s=1.0,
    duration_s=3.0,
    idle_s=2.0,
    split_requests=100,
)


def turned(items: Sequence[Item], repeat: int) -> list[Item]:
    """`items` beginning with another one each repeat, so that drift hits all alike."""
    start = repeat % len(items) if items else 0
    return [*items[start:], *items[:start]]


def bare_threads(slots: int) -> tuple[int, ...]:
    """One thread for the latency, all slots for the throughput."""
    return (1,) if slots == 1 else (1, slots)

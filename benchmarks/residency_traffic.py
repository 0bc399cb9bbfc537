"""Traffic on many models: Zipf popularity that stays, shifts at once or drifts."""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from deployments.residency.replay import Asked, Model

MB = 1_000_000


@dataclass(frozen=True, slots=True)
class Traffic:
    """Requests a second, Zipf's exponent, and how ranks change.

    Every `shift_s` the models are ranked anew: `moves` of them change places with a
    neighbour of any rank, all where it is None.
    """

    name: str
    rate: float = 20.0
    exponent: float = 1.0
    shift_s: float | None = None
    moves: int | None = None
    seconds: float = 1200.0


TRAFFICS = (
    Traffic("steady"),
    Traffic("shifts every 60 s", shift_s=60),
    Traffic("shifts every 300 s", shift_s=300),
    Traffic("drifts", shift_s=10, moves=1),
    Traffic("sparse, shifts", rate=0.5, shift_s=300, seconds=12000),
    Traffic("flat, shifts", exponent=0.6, shift_s=120),
)


def models(count: int, mixed: bool, seed: int = 3) -> Mapping[str, Model]:
    """`count` models of 15 MB that load in 50 ms; `mixed`: a third to three times that."""
    draw = random.Random(seed)
    found = {}
    for number in range(count):
        size = 3 ** draw.uniform(-1, 1) if mixed else 1.0
        slow = 2 ** draw.uniform(-1, 1) if mixed else 1.0
        found[f"m{number:02}"] = Model(int(15 * MB * size), 0.05 * size * slow)
    return found


def trace(traffic: Traffic, keys: Sequence[str], seed: int) -> Sequence[Asked]:
    """Poisson arrivals; the same for the same seed."""
    draw = random.Random(seed)
    ranked = list(keys)
    draw.shuffle(ranked)
    weights = [1 / (rank + 1) ** traffic.exponent for rank in range(len(ranked))]
    asked, at_s, shifted_s = [], 0.0, 0.0
    while at_s < traffic.seconds:
        if traffic.shift_s is not None and at_s - shifted_s >= traffic.shift_s:
            shifted_s = at_s
            _shift(draw, ranked, traffic.moves)
        asked.append(Asked(at_s, draw.choices(ranked, weights)[0]))
        at_s += draw.expovariate(traffic.rate)
    return asked


def _shift(draw: random.Random, ranked: list[str], moves: int | None) -> None:
    if moves is None:
        draw.shuffle(ranked)
        return
    for _ in range(moves):
        here, there = draw.sample(range(len(ranked)), 2)
        ranked[here], ranked[there] = ranked[there], ranked[here]

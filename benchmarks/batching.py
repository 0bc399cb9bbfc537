"""Figures about batching: `python -m benchmarks.batching table|trace|cost`.

`table` replays arrivals through three ways to batch, on a clock of its own: the same
numbers on every machine. `trace FILE` does so with the arrivals of a file, one line of
seconds each. `cost` measures what the queue costs this machine's CPU for each request.
"""

import argparse
import asyncio
import random
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.arrivals import poisson_arrivals_s
from configs.model import BatchingSpec
from deployments.batcher import Batcher
from deployments.batching.replay import Arrival, Replayed, Setting, replay
from deployments.batching.waiting import NEVER
from deployments.messages import CALM, Urgency
from deployments.slots import Slots

SECONDS = 20.0
LOADS = (0.3, 0.6, 0.95, 1.1, 1.5)
NOISE = 0.1
"""Spread of run times around the table's, of a lognormal draw."""

CONSTANT_WAIT_S = 0.005
COST_ITEMS = 6400
COST_REPEATS = 9


@dataclass(frozen=True, slots=True)
class Replica:
    """A model and its slots: a run of n rows takes `fixed_s + n * row_s`."""

    name: str
    fixed_s: float
    row_s: float
    full_rows: int
    slots: int
    slo_s: float

    @property
    def full_s(self) -> float:
        """Seconds of a run of a full batch."""
        return self.fixed_s + self.full_rows * self.row_s

    @property
    def most(self) -> float:
        """Rows a second that full batches work off."""
        return self.slots * self.full_rows / self.full_s

    def takes(self) -> Callable[[int], float]:
        """Seconds of a run by its rows; the draws are the same each time."""
        draw = random.Random(7)
        return lambda rows: (
            (self.fixed_s + rows * self.row_s) * draw.lognormvariate(0, NOISE)
        )


REPLICAS = (
    Replica("gains nothing from batches (CPU)", 0.0002, 0.0075, 8, 1, 0.1),
    Replica("gains from batches (GPU)", 0.004, 0.0005, 32, 1, 0.05),
    Replica("gains from batches, two slots", 0.004, 0.0005, 32, 2, 0.05),
)


@dataclass(frozen=True, slots=True)
class Way:
    """A way to batch; `told`: of deadlines; `timeout`: with a queue timeout as Triton's.

    It is tuned by hand: what is left of the SLO after the run of a full batch.
    """

    name: str
    wait_s: float = 0.0
    told: bool = False
    timeout: bool = False


WAYS = (
    Way("constant wait 5 ms, Triton's default", CONSTANT_WAIT_S),
    Way("the same, with a tuned queue timeout", CONSTANT_WAIT_S, timeout=True),
    Way("late sealing"),
    Way("late sealing and deadlines", told=True),
)


def main() -> None:
    """Run what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    kinds = parser.add_subparsers(dest="kind", required=True)
    table = kinds.add_parser("table")
    table.add_argument("--seconds", type=float, default=SECONDS)
    trace = kinds.add_parser("trace")
    trace.add_argument("file", type=Path)
    kinds.add_parser("cost")
    chosen = parser.parse_args()
    if chosen.kind == "cost":
        say(cost())
    elif chosen.kind == "trace":
        arrivals_s = [float(line) for line in chosen.file.read_text().split()]
        for one in REPLICAS:
            say(heading(one), *rows(one, arrivals_s, "trace"))
    else:
        for one in REPLICAS:
            say(heading(one))
            for load in LOADS:
                arrivals_s = poisson_arrivals_s(load * one.most, chosen.seconds, 1)
                say(*rows(one, arrivals_s, f"{load:.0%}"))


def heading(replica: Replica) -> str:
    """The table's head, with what it is about above it."""
    return (
        f"\n**{replica.name}**: {replica.fixed_s * 1e3:g} ms + {replica.row_s * 1e3:g} ms "
        f"a row, at most {replica.full_rows} rows, slots: {replica.slots}, SLO "
        f"{replica.slo_s * 1e3:g} ms, {replica.most:.0f} rows/s in full batches\n\n"
        "| load | way | in time | refused | p50 | p99 | batch | slots busy |\n"
        "|---|---|---|---|---|---|---|---|"
    )


def rows(replica: Replica, arrivals_s: Sequence[float], load: str) -> list[str]:
    """One row a way, of the same arrivals."""
    return [
        f"| {load} | {way.name} | {told(replay_way(replica, way, arrivals_s), replica)} |"
        for way in WAYS
    ]


def replay_way(replica: Replica, way: Way, arrivals_s: Sequence[float]) -> Replayed:
    """Serve single rows that arrive at `arrivals_s` in one way."""
    limits = BatchingSpec(
        max_batch_size=replica.full_rows,
        batch_wait_timeout_s=way.wait_s,
        max_queue_size=1024,
    )
    timeout_s = replica.slo_s - replica.full_s if way.timeout else NEVER
    trace = [
        Arrival(at_s, within_s=replica.slo_s, timeout_s=timeout_s)
        for at_s in arrivals_s
    ]
    return replay(trace, Setting(limits, replica.takes(), replica.slots, way.told))


def told(served: Replayed, replica: Replica) -> str:
    """The cells of one row."""
    guests = served.guests
    answered = sorted(g.ended_s - g.arrived_s for g in guests if g.refused is None)
    in_time = sum(guest.in_time for guest in guests) / len(guests)
    p50_s, p99_s = (answered[int(q * len(answered))] for q in (0.5, 0.99))
    lasts_s = max(g.ended_s for g in guests if g.refused is None)
    return " | ".join(
        [
            f"{in_time:.1%}",
            f"{1 - len(answered) / len(guests):.1%}",
            f"{p50_s * 1e3:.1f} ms",
            f"{p99_s * 1e3:.1f} ms",
            f"{len(answered) / len(served.batches):.1f}",
            f"{served.busy_s / lasts_s / replica.slots:.0%}",
        ]
    )


def cost() -> str:
    """CPU microseconds a request, of queue, slot and answer; the model does nothing."""
    lines = [
        "| callers | rows a batch | no deadline | with a deadline |",
        "|---|---|---|---|",
    ]
    for callers, full in ((1, 8), (16, 8), (64, 32)):
        calm, dated = (
            asyncio.run(_cost_us(callers, full, dated)) for dated in (False, True)
        )
        lines.append(f"| {callers} | {full} | {calm:.1f} µs | {dated:.1f} µs |")
    return "\n".join(lines)


async def _cost_us(callers: int, full: int, dated: bool) -> float:
    limits = BatchingSpec(max_batch_size=full, max_queue_size=4096)
    slots = Slots(1)
    batcher = Batcher[int, int]("m", limits, slots, lambda items: items)

    async def call(count: int) -> None:
        for item in range(count):
            urgency = Urgency(time.monotonic() + 30) if dated else CALM
            await batcher.submit(item, 1, urgency)

    await call(200)
    best_us = NEVER
    for _ in range(COST_REPEATS):  # the least disturbed one counts
        started_s = time.process_time()
        await asyncio.gather(*(call(COST_ITEMS // callers) for _ in range(callers)))
        used_s = time.process_time() - started_s
        best_us = min(best_us, used_s / COST_ITEMS * 1e6)
    await batcher.close()
    slots.close()
    return best_us


def say(*lines: str) -> None:
    """Print."""
    sys.stdout.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()

"""Figures about residency: `python -m benchmarks.residency table|cost|memory|live`.

`table` replays traffic against memory for 6 of 20 models, on a clock of its own: the same
numbers on every machine. `cost` measures what residency costs a request to a model that
is there. `memory` compares ways to open the store's models, and shows what replicas share
and what comes back. `live` runs 20 real models in memory for 6 on this machine.
"""

import argparse
import asyncio
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from benchmarks.residency_live import Plan, live
from benchmarks.residency_memory import memory
from benchmarks.residency_traffic import TRAFFICS, Traffic, models, trace
from configs.model import BatchingSpec
from deployments.messages import Reply, Request, Tensor
from deployments.model import Model, ResidentModel
from deployments.nodes import Node
from deployments.residency.blackbox import BlackBox, Marked
from deployments.residency.replay import (
    Asked,
    Belady,
    Gdsf,
    Lfu,
    Lru,
    Replayed,
    Rule,
    Worth,
    replay,
)
from deployments.residency.replay import Model as Sized
from deployments.residency.residency import Residency
from deployments.residency.seat import Tenant
from deployments.slots import Slots

COUNT, FITTING, SEEDS = 20, 6, 3
COST_CALLS, COST_REPEATS = 20_000, 9

Make = Callable[[Sequence[Asked], Mapping[str, Sized]], Rule]

RULES: Mapping[str, Make] = {
    "LRU": lambda trace, models: Lru(),
    "LFU": lambda trace, models: Lfu(),
    "GDSF": lambda trace, models: Gdsf(models),
    "ours": lambda trace, models: Worth(),
    "Belady": lambda trace, models: Belady(trace),
}


def table() -> str:
    """Hit rate and seconds of loading of each rule, as Markdown."""
    lines = [
        "| models | traffic | " + " | ".join(f"{name}" for name in RULES) + " |",
        "|---|---|" + "---:|" * len(RULES),
    ]
    for mixed in (False, True):
        for traffic in TRAFFICS:
            kind = "mixed" if mixed else "equal"
            cells = [_cell(traffic, mixed, make) for make in RULES.values()]
            lines.append(f"| {kind} | {traffic.name} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def outcomes(
    traffic: Traffic, mixed: bool, make: Make, seeds: int = SEEDS
) -> list[Replayed]:
    """One rule on the same traces as every other."""
    sized = models(COUNT, mixed)
    limit_bytes = sum(m.size_bytes for m in sized.values()) * FITTING // COUNT
    traces = [trace(traffic, sorted(sized), seed) for seed in range(seeds)]
    return [replay(t, sized, limit_bytes, make(t, sized)) for t in traces]


def _cell(traffic: Traffic, mixed: bool, make: Make) -> str:
    told = outcomes(traffic, mixed, make)
    hits = sum(one.hits for one in told) / sum(one.requests for one in told)
    load_s = sum(one.load_s for one in told) / len(told)
    return f"{hits:.1%}, {load_s:.0f} s"


class _Nothing:
    """A backend that does nothing."""

    def run(self, inputs: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
        """See `Backend.run`."""
        return inputs


class _Instant(Model):
    """A model whose answer takes nothing, to see what stands before it."""

    async def infer(self, request: Request) -> Reply:
        """See `Node.infer`."""
        return _ANSWER


_ANSWER = Reply({})


def cost(folder: Path) -> str:
    """Microseconds of CPU a request and a run, beside the same without residency."""
    bare_us, held_us = asyncio.run(_requests_us())
    box, plain = BlackBox(folder), _Nothing()
    marked = Marked(plain, box, "ab" * 32)
    plain_us = _call_us(lambda: plain.run({}))
    marked_us = _call_us(lambda: marked.run({}))
    box.close()
    return (
        f"a request to a resident model: {held_us - bare_us:.2f} us more than without "
        f"residency\na mark of a run in the black box: {marked_us - plain_us:.2f} us"
    )


async def _requests_us() -> tuple[float, float]:
    host = _Instant("m", None, BatchingSpec(), Slots(1))
    residency = Residency()
    seat = residency.offer(
        Tenant("m:1", "m", "ab" * 32, 1, lambda full: _Nothing(), host)
    )
    await residency.load("m:1")
    told = await _asked_us(host), await _asked_us(ResidentModel(host, seat, residency))
    await residency.close()
    await host.close()
    return told


async def _asked_us(node: Node) -> float:
    request, spent_us = Request("m", {}), []
    for _ in range(COST_REPEATS):
        began_s = time.process_time()
        for _ in range(COST_CALLS):
            await node.infer(request)
        spent_us.append(1e6 * (time.process_time() - began_s) / COST_CALLS)
    return min(spent_us)


def _call_us(call: Callable[[], object]) -> float:
    spent_us = []
    for _ in range(COST_REPEATS):
        began_s = time.process_time()
        for _ in range(COST_CALLS):
            call()
        spent_us.append(1e6 * (time.process_time() - began_s) / COST_CALLS)
    return min(spent_us)


def main() -> None:
    """Print what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=("table", "cost", "memory", "live"))
    parser.add_argument("--store", type=Path, default=Path(".headwater/store"))
    parser.add_argument("--scratch", type=Path, default=Path(".headwater/bench"))
    parser.add_argument("--rate", type=float, default=20.0)
    parser.add_argument("--seconds", type=float, default=60.0)
    asked = parser.parse_args()
    ways: Mapping[str, Callable[[], str]] = {
        "table": table,
        "cost": lambda: cost(asked.scratch / "boxes"),
        "memory": lambda: memory(asked.store),
        "live": lambda: live(
            asked.store, asked.scratch / "live", Plan(asked.rate, asked.seconds)
        ),
    }
    sys.stdout.write(f"{ways[asked.what]()}\n")


if __name__ == "__main__":
    main()

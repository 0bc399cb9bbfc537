"""What Headwater adds to the model's own time, at Poisson arrivals on one replica.

The front end, the nodes and one slot in this process, as `benchmarks.inside` builds them:
no socket and no proxy. A request's model time is the run of the batch that answered it,
out of the batcher's own statistics.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass

from benchmarks.arrivals import poisson_arrivals_s
from benchmarks.contenders import Subject, Work
from benchmarks.facts import HttpTarget
from benchmarks.inside import Bench, post
from benchmarks.peers.facts import AddedFact
from benchmarks.summary import percentile
from deployments.messages import Reply, Request
from deployments.nodes import Node

LOAD = 0.5
_WARMUP = 30
_SHARES = {"p50": 0.5, "p90": 0.9, "p99": 0.99}


@dataclass(frozen=True, slots=True)
class Seen:
    """One answer: its time on the server, and the batcher's sums right after its run."""

    total_s: float
    run_sum_s: float
    queue_sum_s: float


@dataclass(frozen=True, slots=True)
class Parts:
    """Where the time of one answer went, in ms; `answer_ms` holds the wait as well."""

    run_ms: float
    queue_ms: float
    answer_ms: float

    @property
    def server_ms(self) -> float:
        """What is neither the model's run nor the wait for it."""
        return self.answer_ms - self.queue_ms


_NOTE: ContextVar[list[tuple[float, float]]] = ContextVar("note")


@dataclass(slots=True)
class Watched:
    """A node that notes the batcher's sums when an answer leaves it."""

    node: Node
    bench: Bench

    async def infer(self, request: Request) -> Reply:
        """See `Node.infer`."""
        reply = await self.node.infer(request)
        _NOTE.get().append((self.bench.run_s(), self.bench.queue_s()))
        return reply


def parts_of(
    seen: Sequence[Seen], run_sum_s: float, queue_sum_s: float
) -> tuple[Parts, ...]:
    """Each answer's parts, in the order of the runs.

    Answers with the same sums came from one batch: its run is what the sum grew by, and
    they share what the queue's sum grew by.

    Args:
        seen: every answer since the sums were `run_sum_s` and `queue_sum_s`.
        run_sum_s: seconds of runs before the first of them.
        queue_sum_s: seconds of waiting before the first of them.
    """
    rows = Counter(one.run_sum_s for one in seen)
    parts: list[Parts] = []
    last_run_s, last_queue_s = run_sum_s, queue_sum_s
    run_ms = queue_ms = 0.0
    for one in sorted(seen, key=lambda one: one.run_sum_s):
        if one.run_sum_s > last_run_s:
            run_ms = 1000 * (one.run_sum_s - last_run_s)
            waited_s = one.queue_sum_s - last_queue_s
            queue_ms = 1000 * waited_s / rows[one.run_sum_s]
            last_run_s, last_queue_s = one.run_sum_s, one.queue_sum_s
        parts.append(Parts(run_ms, queue_ms, 1000 * one.total_s - run_ms))
    return tuple(parts)


def summarise_parts(subject: str, load: float, parts: Sequence[Parts]) -> AddedFact:
    """Percentiles of each part."""
    return AddedFact(
        subject=subject,
        load=load,
        requests=len(parts),
        run_p50_ms=percentile([one.run_ms for one in parts], 0.5) or 0.0,
        answer_ms=_percentiles([one.answer_ms for one in parts]),
        server_ms=_percentiles([one.server_ms for one in parts]),
        queue_ms=_percentiles([one.queue_ms for one in parts]),
    )


def added(
    work: Work, subjects: Sequence[Subject], requests: int
) -> tuple[AddedFact, ...]:
    """What is added at half the load that one thread of the model can bear."""
    return asyncio.run(_added(work, subjects, requests))


async def _added(
    work: Work, subjects: Sequence[Subject], requests: int
) -> tuple[AddedFact, ...]:
    bench = Bench(work)
    bench.model.node = Watched(bench.model.node, bench)
    found = []
    try:
        for subject in subjects:
            if isinstance(subject.target, HttpTarget):
                found.append(await _measure(bench, subject, subject.target, requests))
    finally:
        await bench.close()
    return tuple(found)


async def _measure(
    bench: Bench, subject: Subject, target: HttpTarget, requests: int
) -> AddedFact:
    before_s = bench.run_s()
    for _ in range(_WARMUP):
        await _ask(bench, subject, target)
    rate_per_s = LOAD * _WARMUP / (bench.run_s() - before_s)
    run_sum_s, queue_sum_s = bench.run_s(), bench.queue_s()
    seen = await _ask_all(bench, subject, target, _arrivals_s(rate_per_s, requests))
    parts = parts_of(seen, run_sum_s, queue_sum_s)
    return summarise_parts(subject.fact.id, LOAD, parts)


def _arrivals_s(rate_per_s: float, requests: int) -> list[float]:
    return poisson_arrivals_s(rate_per_s, 2 * requests / rate_per_s, 0)[:requests]


async def _ask_all(
    bench: Bench, subject: Subject, target: HttpTarget, arrivals_s: Sequence[float]
) -> list[Seen]:
    started_s, asked = time.perf_counter(), []
    for arrival_s in arrivals_s:
        await asyncio.sleep(max(0.0, started_s + arrival_s - time.perf_counter()))
        asked.append(asyncio.create_task(_ask(bench, subject, target)))
    return list(await asyncio.gather(*asked))


async def _ask(bench: Bench, subject: Subject, target: HttpTarget) -> Seen:
    note: list[tuple[float, float]] = []
    _NOTE.set(note)
    started_s = time.perf_counter()
    await post(bench.app, target, subject.body)
    total_s = time.perf_counter() - started_s
    ((run_sum_s, queue_sum_s),) = note
    return Seen(total_s, run_sum_s, queue_sum_s)


def _percentiles(values: Sequence[float]) -> Mapping[str, float]:
    return {name: percentile(values, share) or 0.0 for name, share in _SHARES.items()}

"""The load generator, run as a process of its own: `python -m benchmarks.load`.

Latency of an open loop counts from the moment a request was meant to be sent, so a
server that stalls cannot hide behind a generator that waits for it.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

import uvloop

from benchmarks.arrivals import poisson_arrivals_s
from benchmarks.child import answer, await_go, read_job
from benchmarks.clients import Call, Caller
from benchmarks.facts import ClosedLoop, LoadJob, Loop, Outcome

_WARMUP_CONCURRENCY = 8
_DRAIN_S = 10.0


@dataclass(slots=True)
class Record:
    """What happened so far."""

    latencies_ms: list[float] = field(default_factory=list)
    errors: Counter[str] = field(default_factory=Counter)
    lag_ms: list[float] = field(default_factory=list)

    def add(self, latency_s: float, error: str | None) -> None:
        """Note one answer."""
        if error is None:
            self.latencies_ms.append(1000 * latency_s)
        else:
            self.errors[error] += 1


async def closed_loop(call: Call, concurrency: int, duration_s: float) -> Record:
    """Keep `concurrency` requests in flight; only answers within the time count."""
    record = Record()
    ends_s = time.monotonic() + duration_s

    async def send_in_turn() -> None:
        while (sent_s := time.monotonic()) < ends_s:
            error = await call()
            answered_s = time.monotonic()
            if answered_s <= ends_s:
                record.add(answered_s - sent_s, error)

    await asyncio.gather(*(send_in_turn() for _ in range(concurrency)))
    return record


async def open_loop(call: Call, arrivals_s: Sequence[float], drain_s: float) -> Record:
    """Send at `arrivals_s`; what is not answered `drain_s` after the last is an error."""
    record = Record()
    started_s = time.monotonic()

    async def send(meant_s: float) -> None:
        record.lag_ms.append(1000 * (time.monotonic() - meant_s))
        error = await call()
        record.add(time.monotonic() - meant_s, error)

    sent: list[asyncio.Task[None]] = []
    for arrival_s in arrivals_s:
        await asyncio.sleep(max(0.0, started_s + arrival_s - time.monotonic()))
        sent.append(asyncio.create_task(send(started_s + arrival_s)))
    if sent:
        await _drain(sent, drain_s, record)
    return record


async def _drain(
    sent: Sequence["asyncio.Task[None]"], drain_s: float, record: Record
) -> None:
    _, late = await asyncio.wait(sent, timeout=drain_s)
    for task in late:
        task.cancel()
    await asyncio.gather(*late, return_exceptions=True)
    if late:
        record.errors["unanswered"] += len(late)


async def run(job: LoadJob) -> Outcome:
    """Warm up, wait for the signal, send."""
    async with Caller(job) as call:
        await closed_loop(call, _warmup_concurrency(job.loop), job.warmup_s)
        await asyncio.to_thread(await_go)
        started_s, cpu_started_s = time.monotonic(), time.process_time()
        record = await _send(job, call)
        cpu_s = time.process_time() - cpu_started_s
        elapsed_s = time.monotonic() - started_s
    if isinstance(job.loop, ClosedLoop):
        elapsed_s = job.duration_s  # answers that came later were not counted
    return Outcome(
        latencies_ms=tuple(record.latencies_ms),
        errors=dict(record.errors),
        elapsed_s=elapsed_s,
        client_cpu_s=cpu_s,
        lag_ms=tuple(record.lag_ms),
    )


def _warmup_concurrency(loop: Loop) -> int:
    return loop.concurrency if isinstance(loop, ClosedLoop) else _WARMUP_CONCURRENCY


async def _send(job: LoadJob, call: Call) -> Record:
    if isinstance(job.loop, ClosedLoop):
        return await closed_loop(call, job.loop.concurrency, job.duration_s)
    arrivals_s = poisson_arrivals_s(job.loop.rate_per_s, job.duration_s, job.loop.seed)
    return await open_loop(call, arrivals_s, _DRAIN_S)


if __name__ == "__main__":
    uvloop.install()
    answer(asyncio.run(run(LoadJob.model_validate_json(read_job()))))

"""Servers with more and more of the path in them, loaded in turns. Linux only.

What one rung costs more than the one below is what it added; that they take turns makes
the rest of the machine fall on all of them alike.
"""

import asyncio
import os
import statistics
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path

from benchmarks.bare import Work as Runs
from benchmarks.bare import model_work
from benchmarks.contenders import Subject, Work
from benchmarks.facts import GrpcTarget
from benchmarks.profile.clocks import Spent, spent
from benchmarks.profile.servers import Rounds, ask, job_of, running
from benchmarks.profile.stages import STAGES, StageJob
from models.card import Fact

BARE = "bare"
Turn = Callable[[], Awaitable[tuple[Spent, int]]]
"""One turn of one rung: what was used for so many answers."""


class Rung(Fact):
    """What one request costs, in the median of the rounds; `stage`: or `bare`."""

    stage: str
    loop_us: float
    threads_us: float
    faults: float
    answers: int

    @property
    def total_us(self) -> float:
        """CPU of all threads."""
        return self.loop_us + self.threads_us


def climb(
    work: Work, subject: Subject, store: Path, rounds: Rounds, scratch: Path
) -> dict[str, Rung]:
    """What a request of `subject` costs at every stage, and the bare model beside it.

    Raises:
        StageFailed: a server did not start, or refused.
    """
    door = "grpc" if isinstance(subject.target, GrpcTarget) else "http"
    body = scratch / "body"
    body.write_bytes(subject.body)
    floats = work.tensor().tobytes()
    runs = model_work(work.bare_model(), floats, rounds.rows)
    turns: dict[str, Turn] = {BARE: partial(_run_bare, runs, rounds)}
    with ExitStack() as stack:
        for stage in STAGES:
            asked = StageJob(stage=stage, door=door, store=store, model=work.model)
            server = stack.enter_context(running(asked))
            job = job_of(subject, server, body, rounds)
            turns[stage] = partial(ask, server, job, rounds)
        seen = asyncio.run(take_turns(turns, rounds.count))
    return {stage: rung_of(stage, found) for stage, found in seen.items()}


async def take_turns(
    turns: Mapping[str, Turn], count: int
) -> dict[str, list[tuple[Spent, int]]]:
    """What each found, turn by turn; the first round only warms up."""
    seen: dict[str, list[tuple[Spent, int]]] = {name: [] for name in turns}
    for number in range(count + 1):
        for name, turn in turns.items():
            found = await turn()
            if number:
                seen[name].append(found)
    return seen


def rung_of(stage: str, seen: Sequence[tuple[Spent, int]]) -> Rung:
    """Medians over the rounds; the answers of all of them."""

    def median(of: str) -> float:
        found = [getattr(used, of) / count for used, count in seen]
        return float(statistics.median(found))

    return Rung(
        stage=stage,
        loop_us=1e6 * median("loop_s"),
        threads_us=1e6 * median("threads_s"),
        faults=median("faults"),
        answers=sum(count for _, count in seen),
    )


def parts_us(rungs: Mapping[str, Rung]) -> dict[str, float]:
    """What each part of the path costs a request; they add up to the whole."""
    bare, socket, front, whole = (rungs[s].total_us for s in (BARE, *STAGES))
    return {
        "the bare model, a row of such a batch": bare,
        "socket, kernel, HTTP or gRPC server": socket,
        "front, queue, batch, hand-over": front - socket,
        "what they cost each other": whole - front - bare,
    }


async def _run_bare(runs: Runs, rounds: Rounds) -> tuple[Spent, int]:
    """The model in this process, on this thread."""
    before, rows = spent(os.getpid()), 0
    ends_s = time.monotonic() + rounds.seconds
    while time.monotonic() < ends_s:
        runs()
        rows += rounds.rows
    return spent(os.getpid()).since(before), rows

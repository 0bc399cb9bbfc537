"""Starts the servers of the stages and asks them."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.clients import Caller
from benchmarks.contenders import INFER, Subject
from benchmarks.facts import ClosedLoop, GrpcTarget, HttpTarget, LoadJob
from benchmarks.load import closed_loop
from benchmarks.profile.clocks import Spent, spent
from benchmarks.profile.stages import StageJob

WARMUP_S = 0.1


@dataclass(frozen=True, slots=True)
class Rounds:
    """How much is asked: so often, so long, by so many callers at once."""

    count: int
    seconds: float
    callers: int

    @property
    def rows(self) -> int:
        """Rows of a batch: half the callers wait while the other half is run."""
        return max(1, self.callers // 2)


@dataclass(frozen=True, slots=True)
class Running:
    """A server of one stage."""

    stage: str
    pid: int
    port: int


class StageFailed(Exception):
    """A stage did not start, or did not answer."""

    def __init__(self, stage: str, reason: str) -> None:
        super().__init__(stage, reason)
        self.stage, self.reason = stage, reason

    def __str__(self) -> str:
        return f"{self.stage}: {self.reason}"


@contextmanager
def running(job: StageJob) -> Iterator[Running]:
    """The server of `job`, ended with the block.

    Raises:
        StageFailed: it did not start.
    """
    command = [sys.executable, "-m", "benchmarks.profile.stages"]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            if process.stdin is None or process.stdout is None:
                raise StageFailed(job.stage, "it has no pipes")
            process.stdin.write(job.model_dump_json() + "\n")
            process.stdin.flush()
            port = process.stdout.readline().strip()
            if not port:
                raise StageFailed(job.stage, "it ended before it served")
            yield Running(job.stage, process.pid, int(port))
        finally:
            process.kill()


def job_of(subject: Subject, server: Running, body: Path, rounds: Rounds) -> LoadJob:
    """What is sent to a server in one turn."""
    target: HttpTarget | GrpcTarget
    if isinstance(subject.target, GrpcTarget):
        target = GrpcTarget(address=f"127.0.0.1:{server.port}", method=INFER)
    else:
        path = subject.target.url.split("/", 3)[3]
        url = f"http://127.0.0.1:{server.port}/{path}"
        target = HttpTarget(url=url, headers=subject.target.headers)
    loop = ClosedLoop(concurrency=rounds.callers)
    return LoadJob(
        target=target, body=body, loop=loop, warmup_s=0, duration_s=rounds.seconds
    )


async def ask(server: Running, job: LoadJob, rounds: Rounds) -> tuple[Spent, int]:
    """What a server used for so many answers: all, also those after the time.

    Raises:
        StageFailed: it refused.
    """
    answers = 0
    async with Caller(job) as call:

        async def counted() -> str | None:
            nonlocal answers
            error = await call()
            answers += error is None
            return error

        await closed_loop(call, 2, WARMUP_S)
        before = spent(server.pid)
        record = await closed_loop(counted, rounds.callers, rounds.seconds)
        used = spent(server.pid).since(before)
    if record.errors or not answers:
        raise StageFailed(server.stage, f"it answered with {dict(record.errors)}")
    return used, answers

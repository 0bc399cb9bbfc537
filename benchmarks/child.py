"""A measuring process of its own: it says when it is warm and waits for the signal.

So its imports, connections and warm-up stay out of what the parent measures.
"""

import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import TypeVar

from benchmarks.facts import Outcome
from models.card import Fact

READY = "ready"
GO = "go"

Answer = TypeVar("Answer", bound=Fact)


class ChildFailed(Exception):
    """A measuring process ended without an answer."""

    def __init__(self, module: str, returncode: int | None) -> None:
        super().__init__(module, returncode)
        self.module, self.returncode = module, returncode

    def __str__(self) -> str:
        return f"{self.module} ended with {self.returncode} and no outcome"


class Child:
    """One process running `python -m MODULE`; it is ended when the block is left."""

    def __init__(self, module: str, job: Fact, limit_s: float) -> None:
        self._module = module
        self._process = subprocess.Popen(
            [sys.executable, "-m", module],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=Path(__file__).parents[1],
        )
        self._watchdog = threading.Timer(limit_s, self._process.kill)
        self._watchdog.start()
        self._send(job.model_dump_json())

    def __enter__(self) -> "Child":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._watchdog.cancel()
        self._process.kill()
        self._process.communicate()

    def wait_warm(self) -> None:
        """Return when the process is about to measure.

        Raises:
            ChildFailed: it ended before.
        """
        if self._read() != READY:
            raise ChildFailed(self._module, self._process.poll())

    def measure(self, kind: type[Answer]) -> Answer:
        """Give the signal and wait for what was seen.

        Raises:
            ChildFailed: it ended without an answer.
        """
        self._send(GO)
        line = self._read()
        if not line:
            raise ChildFailed(self._module, self._process.poll())
        return kind.model_validate_json(line)

    def _send(self, line: str) -> None:
        if self._process.stdin is not None:
            self._process.stdin.write(line + "\n")
            self._process.stdin.flush()

    def _read(self) -> str:
        return self._process.stdout.readline().strip() if self._process.stdout else ""


def run_child(
    module: str, job: Fact, limit_s: float, clocks: Callable[[], Mapping[str, float]]
) -> tuple[Outcome, dict[str, float]]:
    """Run one measuring process; also what each clock grew by while it measured."""
    with Child(module, job, limit_s) as child:
        return watched(child, Outcome, clocks)


def watched(
    child: Child, kind: type[Answer], clocks: Callable[[], Mapping[str, float]]
) -> tuple[Answer, dict[str, float]]:
    """The answer of a process, and what each clock grew by while it measured."""
    child.wait_warm()
    before = clocks()
    answered = child.measure(kind)
    after = clocks()
    # A process that ended meanwhile takes its time along: never below zero.
    return answered, {
        name: max(0.0, spent_s - before.get(name, 0.0))
        for name, spent_s in after.items()
    }


def read_job() -> str:
    """The child's side: the job, as JSON."""
    return sys.stdin.readline()


def await_go() -> None:
    """The child's side: say that everything is warm, wait for the signal."""
    sys.stdout.write(READY + "\n")
    sys.stdout.flush()
    sys.stdin.readline()


def answer(seen: Fact) -> None:
    """The child's side: what was seen, as one line of JSON."""
    sys.stdout.write(seen.model_dump_json() + "\n")
    sys.stdout.flush()

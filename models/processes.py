"""Child processes of tools: started with a pipe for replies, ended whatever happens."""

import contextlib
import json
import logging
import os
import signal
import subprocess
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import IO

from models.errors import ToolFailed
from models.progress import Progress, silent

log = logging.getLogger(__name__)

SHOWN_LINES = 4


@dataclass(frozen=True, slots=True)
class Called:
    """Which module is called, where, and whom to tell how far it is."""

    tool: str
    module: str
    progress: Progress = silent

    def failed(self, reason: str) -> ToolFailed:
        """The error that names what was called."""
        return ToolFailed(self.tool, self.module, reason)


class Conversation:
    """What a called module tells while it works, and its last word."""

    def __init__(self, called: Called) -> None:
        self._called = called
        self._last: Mapping[str, object] = {}

    def follow(self, reply: IO[str]) -> None:
        """Pass progress on until the last word, or the other end closes."""
        for line in reply:
            said = json.loads(line)
            if "step" not in said:
                self._last = said
                return
            self._called.progress(said["step"], said["done"], said["total"])

    def answer(self, code: int, output: IO[str]) -> object:
        """The answer, or its failure as an error."""
        if "answer" in self._last:
            return self._last["answer"]
        output.seek(0)
        printed = [line.strip() for line in output if line.strip()]
        if "error" in self._last:
            called = self._called
            log.debug("%s in %s: %s", called.module, called.tool, printed)
            raise self._called.failed(str(self._last["error"] or self._last["kind"]))
        ending = "; ".join(printed[-SHOWN_LINES:]) or "it printed nothing"
        raise self._called.failed(f"the process ended with {_ending(code)}: {ending}")


@contextlib.contextmanager
def started(
    command: Sequence[str], environ: Mapping[str, str], output: IO[str]
) -> Iterator[tuple[subprocess.Popen[str], IO[str]]]:
    """A process with a pipe of its own for replies; whatever happens, it has ended."""
    ours, theirs = os.pipe()
    with os.fdopen(ours, encoding="utf-8") as reply:
        try:
            process = subprocess.Popen(  # noqa: S603 - a file of ours
                [*command, str(theirs)],
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=subprocess.STDOUT,
                text=True,
                env=dict(environ),
                pass_fds=(theirs,),
                start_new_session=True,
            )
        finally:
            os.close(theirs)
        with ended(process):
            yield process, reply


@contextlib.contextmanager
def ended(process: subprocess.Popen[str]) -> Iterator[None]:
    """Ends the process and what it started when the block is left too early."""
    try:
        yield
    finally:
        if process.poll() is None:
            _kill(process)
            process.wait()
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                with contextlib.suppress(BrokenPipeError):
                    pipe.close()


@contextlib.contextmanager
def limited(
    process: subprocess.Popen[str], timeout_s: float | None
) -> Iterator[threading.Event]:
    """Kill the process after `timeout_s`; the event tells whether that was so."""
    expired = threading.Event()
    if timeout_s is None:
        yield expired
        return

    def expire() -> None:
        expired.set()
        _kill(process)

    timer = threading.Timer(timeout_s, expire)
    timer.start()
    try:
        yield expired
    finally:
        timer.cancel()


def send(process: subprocess.Popen[str], said: object) -> None:
    """Write one line of JSON to its stdin, which stays open."""
    if process.stdin is None:
        return
    with contextlib.suppress(BrokenPipeError):  # it has died; its exit code tells why
        process.stdin.write(f"{json.dumps(said)}\n")
        process.stdin.flush()


def _kill(process: subprocess.Popen[str]) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)


def _ending(code: int) -> str:
    if code >= 0:
        return f"code {code} and no answer"
    return signal.Signals(-code).name

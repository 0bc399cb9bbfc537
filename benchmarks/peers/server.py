"""A peer's server as a child process: started in its environment, ended by its group."""

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

import psutil

_GRACE_S = 5.0
_POLL_S = 0.05
_SHOWN_LINES = 3


class ServerFailed(Exception):
    """A peer did not start, or does not answer."""

    def __init__(self, peer: str, reason: str) -> None:
        super().__init__(peer, reason)
        self.peer, self.reason = peer, reason

    def __str__(self) -> str:
        return f"{self.peer}: {self.reason}"


@dataclass(frozen=True, slots=True)
class Launch:
    """What to start and where; the log stays in `folder`."""

    peer: str
    command: Sequence[str]
    variables: Mapping[str, str]
    folder: Path

    @property
    def log(self) -> Path:
        """What the server prints."""
        return self.folder / f"{self.peer}.log"


class Server:
    """One server in a session of its own, so that nothing it started outlives it."""

    def __init__(self, launch: Launch) -> None:
        self._launch = launch
        with launch.log.open("ab") as log:
            self._process = subprocess.Popen(
                launch.command,
                cwd=launch.folder,
                env={**os.environ, **launch.variables},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def __enter__(self) -> "Server":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.end()

    def require_running(self) -> None:
        """Check that it has not ended.

        Raises:
            ServerFailed: with the last lines it printed.
        """
        if self._process.poll() is not None:
            raise ServerFailed(self._launch.peer, f"ended: {last_lines(self._launch)}")

    def processes(self) -> list[psutil.Process]:
        """It and all that it started, while it runs."""
        try:
            leader = psutil.Process(self._process.pid)
            return [leader, *leader.children(recursive=True)]
        except psutil.NoSuchProcess:
            return []

    def end(self) -> None:
        """Ask it to end, wait a little, then end what is left of its group."""
        with _gone_already():
            self._process.send_signal(signal.SIGTERM)
        deadline_s = time.monotonic() + _GRACE_S
        while self._group_lives() and time.monotonic() < deadline_s:
            self._process.poll()
            time.sleep(_POLL_S)
        with _gone_already():
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()

    def _group_lives(self) -> bool:
        try:
            os.killpg(self._process.pid, 0)
        except ProcessLookupError:
            return False
        return True


def last_lines(launch: Launch) -> str:
    """The last lines of its log, on one line."""
    text = launch.log.read_text(encoding="utf-8", errors="replace")
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return "; ".join(lines[-_SHOWN_LINES:]) or "it printed nothing"


@contextlib.contextmanager
def _gone_already() -> Iterator[None]:
    with contextlib.suppress(ProcessLookupError):
        yield

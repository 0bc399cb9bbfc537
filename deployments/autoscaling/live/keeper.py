"""Where what was learnt is kept on disk, written beside the ticks, never within them."""

import logging
import threading
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from typing import Protocol

from deployments.autoscaling import state
from deployments.autoscaling.errors import StateUnreadable
from deployments.autoscaling.live import journal
from deployments.autoscaling.memory import Memory

SAVE_S = 10.0
SHARE = 20
"""Saving takes at most this part of the time of a thread."""

RECENT_S = 180.0
MOST_LINES = 10_000
log = logging.getLogger(__name__)

Job = Callable[[], None]


class Runner(Protocol):
    """Runs one job at a time."""

    @property
    def busy(self) -> bool:
        """Whether the job before has not ended."""
        ...

    def start(self, job: Job) -> None:
        """Begin a job; only when not busy."""
        ...


class Background:
    """A `Runner` with a thread for each job."""

    def __init__(self) -> None:
        self._thread: threading.Thread | None = None

    @property
    def busy(self) -> bool:
        """See `Runner.busy`."""
        return self._thread is not None and self._thread.is_alive()

    def start(self, job: Job) -> None:
        """See `Runner.start`."""
        self._thread = threading.Thread(target=job, name="autoscaling", daemon=True)
        self._thread.start()


class Keeper:
    """The state and the journal of one application.

    `faults` counts what the disk refused; nothing waits for it.
    """

    def __init__(self, folder: Path, runner: Runner) -> None:
        self.folder, self.faults = folder, 0
        self._runner = runner
        self._lines: list[journal.Line] = []
        self._saved_s: float | None = None
        self._took_s = 0.0
        self._copy: state.Copy | None = None

    @property
    def file(self) -> Path:
        """The state."""
        return self.folder / "state.npz"

    def recall(self, memory: Memory, wall_s: float) -> frozenset[str]:
        """Give `memory` what was kept.

        Returns:
            The deployments that ran a moment ago: it is the controller that is new.
        """
        if not self.file.exists():
            return frozenset()
        try:
            blocks = state.read(self.file)
            age_s = wall_s - self.file.stat().st_mtime
        except (StateUnreadable, OSError) as error:
            log.warning("autoscaling starts without what it had learnt: %s", error)
            return frozenset()
        for name, block in blocks.items():
            memory.park(name, block)
        return frozenset(blocks) if age_s < RECENT_S else frozenset()

    def set_aside(self) -> None:
        """Have the next start learn anew; what was kept stays beside, to be looked at."""
        with suppress(OSError):
            self.file.replace(self.file.with_name("state.rejected.npz"))

    def write(self, lines: Iterable[journal.Line]) -> None:
        """Keep lines until `flush`; when the disk is stuck, the oldest are dropped."""
        self._lines = [*self._lines, *lines][-MOST_LINES:]

    def flush(self, memory: Memory, now_s: float) -> None:
        """Write what is due, unless the disk is not done with what came before."""
        if self._copy is None and self._due(now_s):
            self._copy, self._saved_s = state.Copy(memory), now_s
        if self._runner.busy:
            return
        arrays = self._copy.go_on(memory) if self._copy else None
        if arrays is not None:
            self._copy = None
        if arrays is None and not self._lines:
            return
        lines, self._lines = self._lines, []
        self._runner.start(lambda: self._write(lines, arrays))

    def _due(self, now_s: float) -> bool:
        if self._saved_s is None:
            self._saved_s = now_s
        return not 0 <= now_s - self._saved_s < max(SAVE_S, SHARE * self._took_s)

    def _write(self, lines: list[journal.Line], arrays: state.Arrays | None) -> None:
        began_s = time.monotonic()
        try:
            if lines:
                journal.append(self.folder, lines)
            if arrays is not None:
                state.write(arrays, self.file)
                self._took_s = time.monotonic() - began_s
        except OSError as error:
            self.faults += 1
            log.warning("autoscaling cannot write %s: %s", self.folder, error)

"""Finding and ending the processes of one run, and nobody else's."""

import signal
import time
from collections.abc import Callable, Sequence

import psutil

from serve_app.cluster.plan import RUN_ID_VARIABLE
from serve_app.cluster.state import ProcessMark

TERMINATE_S = 10.0
KILL_S = 10.0
SWEEP_S = 60.0


def mark(pid: int) -> ProcessMark:
    """The mark of a running process."""
    return ProcessMark(pid=pid, created=psutil.Process(pid).create_time())


def alive(process: ProcessMark) -> bool:
    """Whether that very process runs."""
    try:
        found = psutil.Process(process.pid)
        same = found.create_time() == process.created
        return same and found.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def of_run(run_id: str) -> list[psutil.Process]:
    """Every process that carries the run's mark in its environment."""
    return [process for process in psutil.process_iter() if _carries(process, run_id)]


def end(processes: Sequence[psutil.Process]) -> None:
    """End them: politely, then by force. psutil compares creation times itself."""
    _signal(processes, signal.SIGTERM)
    _, left = psutil.wait_procs(processes, timeout=TERMINATE_S)
    _signal(left, signal.SIGKILL)
    psutil.wait_procs(left, timeout=KILL_S)


def end_all(
    find: Callable[[], Sequence[psutil.Process]], limit_s: float = SWEEP_S
) -> Sequence[psutil.Process]:
    """End what `find` finds until that is nothing; what there was after the limit.

    It may take more than one look: a process can start another while it is being ended.
    """
    deadline = time.monotonic() + limit_s
    while left := find():
        end(left)
        if time.monotonic() >= deadline:
            return find()
    return left


def named(pid: int) -> str:
    """A process in a sentence."""
    try:
        return f"{psutil.Process(pid).name()} (pid {pid})"
    except psutil.Error:
        return f"pid {pid}"


def _carries(process: psutil.Process, run_id: str) -> bool:
    try:
        return process.environ().get(RUN_ID_VARIABLE) == run_id
    except (psutil.Error, OSError):  # ended meanwhile, or somebody else's
        return False


def _signal(processes: Sequence[psutil.Process], number: signal.Signals) -> None:
    for process in processes:
        try:
            process.send_signal(number)
        except psutil.NoSuchProcess:
            continue

"""One command at a time starts or ends the cluster of a home.

The lock ends with the process that holds it, so a command that was killed leaves none.
"""

import fcntl
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TextIO

from configs.environment import Environment
from serve_app.cluster.errors import Busy

POLL_S = 0.2


@contextmanager
def held(
    environment: Environment, command: str, report: Callable[[str], None]
) -> Iterator[None]:
    """Hold the lock, waiting for another command as long as a start may take.

    Args:
        environment: whose home.
        command: what a command that comes second is told.
        report: told once when there is something to wait for.

    Raises:
        Busy: another command held it all the time.
    """
    environment.run.mkdir(parents=True, exist_ok=True)
    with (environment.run / "lock").open("a+") as file:
        _wait(file, environment, report)
        file.truncate(0)
        file.write(f"`headwater {command}` (pid {os.getpid()})")
        file.flush()
        yield


def _wait(
    file: TextIO, environment: Environment, report: Callable[[str], None]
) -> None:
    deadline = time.monotonic() + environment.start_timeout_s
    told = False
    while not _taken(file):
        busy = Busy(_holder(file), environment.home)
        if time.monotonic() >= deadline:
            raise busy
        if not told:
            report(f"{busy.holder} is at work in {busy.home}: waiting for its end")
            told = True
        time.sleep(POLL_S)


def _taken(file: TextIO) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _holder(file: TextIO) -> str:
    file.seek(0)
    return file.read() or "another command"

"""Folders beside the store that hold what is made of a file once, by one replica of many."""

import fcntl
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

MAKING = ".making-"


@contextmanager
def alone(source: Path) -> Iterator[None]:
    """Nobody else makes a copy of this file meanwhile.

    Raises:
        OSError: the file cannot be read, or its disk knows no locks.
    """
    with source.open("rb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)  # ends with the process, however it ends
        yield


@contextmanager
def filling(folder: Path, sha256: str) -> Iterator[Path]:
    """A folder to write to, which becomes `folder` when all is written; only `alone`.

    What those left who were stopped while they made something of the same file goes.

    Args:
        folder: its parent exists.
        sha256: of the file that it is made of.

    Raises:
        OSError: the disk refuses it.
    """
    start = f"{MAKING}{sha256}-"
    for left in folder.parent.glob(f"{start}*"):
        shutil.rmtree(left, ignore_errors=True)
    scratch = Path(tempfile.mkdtemp(dir=folder.parent, prefix=start))
    try:
        yield scratch
        scratch.chmod(0o755)
        shutil.rmtree(folder, ignore_errors=True)  # torn, else it would have been taken
        scratch.rename(folder)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)

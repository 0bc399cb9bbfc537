"""A file that is there whole or not at all, whatever happens to the process."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timezone
from pathlib import Path

from models.errors import StoreUnwritable

SCRATCH = ".new-"

STALE_AFTER_S = 3600.0
"""Each write makes a scratch file young again, so nobody is still writing an old one."""


@contextmanager
def write_whole(target: Path, mode: int = 0o644) -> Iterator[Path]:
    """Hand out an empty scratch file; flushed and renamed to `target` when it is written.

    Raises:
        StoreUnwritable: the disk is full or refuses; `target` is as it was.
    """
    scratch = None
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=target.parent, prefix=SCRATCH)
        os.close(handle)
        scratch = Path(name)
        yield scratch
        _flush(scratch)
        scratch.chmod(
            mode
        )  # mkstemp's 0600 would shut out who serves for somebody else
        scratch.replace(target)
        _flush(target.parent)
    except OSError as error:
        raise StoreUnwritable(target.parent, error.strerror or str(error)) from error
    finally:
        if scratch is not None:
            scratch.unlink(missing_ok=True)


def stale_scratch(root: Path, older_than_s: float = STALE_AFTER_S) -> list[Path]:
    """What killed processes have left below `root`."""
    left = sorted(root.rglob(f"{SCRATCH}*"))
    return [file for file in left if (age_s(file) or 0.0) > older_than_s]


def age_s(file: Path) -> float | None:
    """How long ago a file was written; None: it is gone."""
    try:
        written = file.stat().st_mtime
    except FileNotFoundError:
        return None
    return datetime.now(tz=timezone.utc).timestamp() - written


def _flush(path: Path) -> None:
    """Have the disk hold what was written; for a folder, its names."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)

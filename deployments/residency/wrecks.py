"""Reads what dead processes of this node left, and keeps the count of deaths by file."""

import fcntl
import json
import logging
import re
import struct
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

from models.atomic import write_whole

log = logging.getLogger(__name__)

RECORD = struct.Struct("<32sB7xQ")
"""Digest, phase, thread."""

RECORDS = 64
PHASE_AT = 32
NOTHING, LOADING, RUNNING, STUCK = range(4)
WORDS = ("nothing", "loading", "running", "stuck")

BOX, CRASH = ".box", ".crash"
COUNTS, LOCK = "crashes.json", ".lock"

_CURRENT = re.compile(r"^Current thread 0x([0-9a-f]+)", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Suspect:
    """A model that a process was at when it died."""

    digest: str
    phase: int


def suspects(records: bytes, crash: str) -> Sequence[Suspect]:
    """Whom the death of a process is held against. Pure.

    Args:
        records: the content of its box.
        crash: what Python wrote at a fatal signal; empty: there was none, so that a
            model that merely ran is not to blame.
    """
    found = _CURRENT.search(crash)
    thread = int(found.group(1), 16) if found else None
    whole = len(records) // RECORD.size * RECORD.size
    rows = [row for row in RECORD.iter_unpack(records[:whole]) if row[1] != NOTHING]
    if thread is not None and any(row[2] == thread for row in rows):
        rows = [row for row in rows if row[2] == thread]
    blamed = (LOADING, RUNNING, STUCK) if crash else (LOADING, STUCK)
    return sorted(
        {Suspect(row[0].hex(), row[1]) for row in rows if row[1] in blamed},
        key=lambda suspect: (suspect.digest, suspect.phase),
    )


class Wrecks:
    """The run folder of one node; several processes use it at once."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def count(self, digest: str) -> int:
        """Deaths held against a file, the latest included."""
        self._collect()
        return self._counts().get(digest, 0)

    def forgive(self, digest: str) -> None:
        """Set its count to nothing."""
        if digest not in self._counts():
            return
        with self._locked():
            counts = {d: n for d, n in self._counts().items() if d != digest}
            self._write(counts)

    def _collect(self) -> None:
        if not any(_is_dead(box) for box in self._folder.glob(f"*{BOX}")):
            return
        with self._locked():
            counts = dict(self._counts())
            dead = [box for box in self._folder.glob(f"*{BOX}") if _is_dead(box)]
            for box in dead:
                for suspect in _examine(box):
                    counts[suspect.digest] = counts.get(suspect.digest, 0) + 1
            self._write(counts)
            for box in dead:
                box.unlink(missing_ok=True)
                box.with_suffix(CRASH).unlink(missing_ok=True)

    def _counts(self) -> Mapping[str, int]:
        try:
            held = json.loads((self._folder / COUNTS).read_text(encoding="utf-8"))
        except FileNotFoundError:
            return {}
        except ValueError:
            log.warning("the count of crashes cannot be read; it starts anew")
            return {}
        return {str(digest): int(count) for digest, count in held.items()}

    def _write(self, counts: Mapping[str, int]) -> None:
        with write_whole(self._folder / COUNTS) as written:
            written.write_text(json.dumps(counts, indent=1), encoding="utf-8")

    @contextmanager
    def _locked(self) -> Iterator[None]:
        with (self._folder / LOCK).open("ab") as file:
            fcntl.flock(file, fcntl.LOCK_EX)  # ends with the process, however it ends
            yield


def _examine(box: Path) -> Sequence[Suspect]:
    try:
        records = box.read_bytes()
        crash = box.with_suffix(CRASH)
        told = crash.read_text(errors="replace") if crash.exists() else ""
    except OSError:
        return []
    found = suspects(records, told)
    for suspect in found:
        doing = WORDS[suspect.phase]
        log.error("process %s died %s %s", box.stem, doing, suspect.digest)
    if told:
        log.error("process %s wrote at its death:\n%s", box.stem, told)
    return found


def _is_dead(box: Path) -> bool:
    """Named PID-BEGAN; another process may have the same number by now."""
    pid, _, began = box.stem.partition("-")
    try:
        return str(psutil.Process(int(pid)).create_time()) != began
    except (ValueError, psutil.NoSuchProcess):
        return True
    except psutil.AccessDenied:
        return False

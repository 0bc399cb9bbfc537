"""Remembers, past the death of a process, which model each of its threads was at.

Every process keeps a small mapped file of records, one a thread: a write costs no system
call, and the pages outlive whoever wrote them. Another process of the node reads those of
the dead (`deployments.residency.wrecks`) and counts deaths by the digest of the file.
"""

import faulthandler
import hashlib
import mmap
import os
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

import psutil

from deployments.backends.base import Backend, crop_maker
from deployments.messages import Tensor
from deployments.residency.wrecks import (
    BOX,
    CRASH,
    LOADING,
    NOTHING,
    PHASE_AT,
    RECORD,
    RECORDS,
    RUNNING,
    STUCK,
    Wrecks,
)


class _Record:
    """Where in the mapped file one thread writes, and since when its run goes on."""

    __slots__ = ("at", "since_s")

    def __init__(self, at: int) -> None:
        self.at, self.since_s = at, 0.0


class BlackBox:
    """The records of this process, and the count of deaths on this node."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._wrecks = Wrecks(folder)
        began = psutil.Process().create_time()
        self._file = folder / f"{os.getpid()}-{began}{BOX}"
        self._file.write_bytes(bytes(RECORD.size * (RECORDS + 1)))
        with self._file.open("r+b") as file:
            self._map = mmap.mmap(file.fileno(), 0)
        self._mine = threading.local()
        self._records: list[_Record] = []
        self._lock = threading.Lock()
        self._crash: TextIO | None = None

    def listen(self) -> None:
        """Have Python write what a fatal signal hit beside the records.

        Only a death by such a signal is held against a model that ran: somebody may kill
        a healthy process.
        """
        self._crash = self._file.with_suffix(CRASH).open("w")
        faulthandler.enable(self._crash, all_threads=True)

    def crashes(self, digest: str) -> int:
        """How often that file has killed a process of this node since it did well."""
        return self._wrecks.count(digest)

    def forgive(self, digest: str) -> None:
        """Forget the deaths by that file."""
        self._wrecks.forgive(digest)

    @contextmanager
    def loading(self, digest: str) -> Iterator[None]:
        """This thread opens the model of that file; a death now is held against it."""
        at = self._record().at
        self._write(at, mark(digest, LOADING))
        try:
            yield
        finally:
            self._map[at + PHASE_AT] = NOTHING

    def run(
        self, marked: bytes, backend: Backend, inputs: Mapping[str, Tensor]
    ) -> Mapping[str, Tensor]:
        """Have `backend` run with `marked` in this thread's record."""
        record = self._record()
        at = record.at
        record.since_s = time.monotonic()
        self._map[at : at + PHASE_AT + 1] = marked
        try:
            return backend.run(inputs)
        finally:
            self._map[at + PHASE_AT] = NOTHING

    def accuse(self, after_s: float) -> None:
        """Whatever has run longer than `after_s` is why this process will be killed."""
        now_s = time.monotonic()
        for record in self._records:
            late = now_s - record.since_s >= after_s
            if late and self._map[record.at + PHASE_AT] == RUNNING:
                self._map[record.at + PHASE_AT] = STUCK

    def close(self) -> None:
        """This process ends well."""
        if self._crash is not None:
            faulthandler.disable()
            self._crash.close()
        self._file.unlink(missing_ok=True)
        self._file.with_suffix(CRASH).unlink(missing_ok=True)

    def _write(self, at: int, marked: bytes) -> None:
        self._map[at : at + PHASE_AT + 1] = marked

    def _record(self) -> _Record:
        try:
            record: _Record = self._mine.record
        except AttributeError:
            record = self._mine.record = self._new_record()
        return record

    def _new_record(self) -> _Record:
        """The next record; those beyond the last share one that says nothing certain."""
        with self._lock:
            record = _Record(RECORD.size * min(len(self._records), RECORDS))
            self._records.append(record)
        RECORD.pack_into(self._map, record.at, b"", NOTHING, threading.get_ident())
        return record


class Marked:
    """A backend whose runs leave a mark in the black box."""

    def __init__(self, backend: Backend, box: BlackBox, digest: str) -> None:
        self._backend, self._box = backend, box
        self._mark = mark(digest, RUNNING)
        self.to_crops = crop_maker(backend)

    def run(self, inputs: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
        """See `Backend.run`."""
        return self._box.run(self._mark, self._backend, inputs)


def mark(digest: str, phase: int) -> bytes:
    """What a record begins with."""
    return bytes.fromhex(digest) + bytes([phase])


def run_folder(store: Path) -> Path:
    """Where the replicas of this node that serve `store` keep their black boxes."""
    named = hashlib.sha256(str(store.resolve()).encode()).hexdigest()[:16]
    return Path(tempfile.gettempdir()) / f"headwater-{os.getuid()}" / f"run-{named}"

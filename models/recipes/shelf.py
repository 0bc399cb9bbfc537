"""Pieces on disk, each under the hash of what it was made from.

    workshop/
      pieces/<key>/piece.json, result/…     whole, or not there
      scratch/<key>/                        a step at work; what a crash left is swept
      checkpoints/<key>/                    how far a long step came
      judgements/<key>.json
      logits/<key>.npy
      locks/<key>                           one process at a time makes a piece

A piece is renamed into place, so neither Ctrl-C nor `kill -9` leaves half of one.
"""

import fcntl
import json
import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from models.recipes.bench import Rooms
from models.recipes.pieces import Piece
from models.store import digest

Make = Callable[[Path, Rooms], Mapping[str, object]]


class Shelf:
    """Keeps and finds the pieces of one workshop folder."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def find(self, key: str) -> Piece | None:
        """The piece `key`, if it is here and as it was made."""
        kept = self._piece(key)
        try:
            told = json.loads((kept / "piece.json").read_bytes())
            files, facts = told["files"], told["facts"]
        except (OSError, ValueError, KeyError):
            return None
        piece = Piece(kept / "result", key, facts)
        return piece if files == _digests(piece.folder) else None

    def make(self, key: str, make: Make) -> Piece:
        """The piece `key`, made by `make(empty folder, rooms) -> facts` if it must be.

        Raises:
            OSError: the disk is full or cannot be written; nothing is left of the piece.
        """
        with self._alone(key):
            return self.find(key) or self._make(key, make)

    def drop(self, key: str) -> None:
        """Forget the piece `key`, so that it is made again."""
        shutil.rmtree(self._piece(key), ignore_errors=True)

    def judgement(self, key: str) -> Path:
        """The file that keeps what was measured of a variant."""
        return self.root / "judgements" / f"{key}.json"

    def _make(self, key: str, make: Make) -> Piece:
        rooms = self._rooms(key)
        scratch = rooms.scratch.parent
        shutil.rmtree(scratch, ignore_errors=True)
        shutil.rmtree(self._piece(key), ignore_errors=True)
        whole = scratch / "whole"
        try:
            for folder in (rooms.scratch, rooms.checkpoints, whole / "result"):
                folder.mkdir(parents=True, exist_ok=True)
            facts = dict(make(whole / "result", rooms))
            _sign(whole, facts)
            self._piece(key).parent.mkdir(parents=True, exist_ok=True)
            whole.replace(self._piece(key))
        finally:
            shutil.rmtree(scratch, ignore_errors=True)
        shutil.rmtree(rooms.checkpoints, ignore_errors=True)
        return Piece(self._piece(key) / "result", key, facts)

    @contextmanager
    def room(self, key: str) -> Iterator[Rooms]:
        """Folders for work that leaves no piece."""
        with self._alone(key):
            rooms = self._rooms(key)
            shutil.rmtree(rooms.scratch.parent, ignore_errors=True)
            try:
                for folder in (rooms.scratch, rooms.checkpoints):
                    folder.mkdir(parents=True, exist_ok=True)
                yield rooms
            finally:
                shutil.rmtree(rooms.scratch.parent, ignore_errors=True)
                shutil.rmtree(rooms.checkpoints, ignore_errors=True)

    def _rooms(self, key: str) -> Rooms:
        return Rooms(
            self.root / "scratch" / key / "room",
            self.root / "checkpoints" / key,
            self.root / "logits",
        )

    def _piece(self, key: str) -> Path:
        return self.root / "pieces" / key

    @contextmanager
    def _alone(self, key: str) -> Iterator[None]:
        file = self.root / "locks" / key
        file.parent.mkdir(parents=True, exist_ok=True)
        with file.open("a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)  # ends with the process, however it ends
            yield


def _digests(folder: Path) -> dict[str, str]:
    files = sorted(file for file in folder.rglob("*") if file.is_file())
    return {str(file.relative_to(folder)): digest(file) for file in files}


def _sign(whole: Path, facts: Mapping[str, object]) -> None:
    """Write what the piece is, and see to it that its bytes are on the disk."""
    content = {"files": _digests(whole / "result"), "facts": facts}
    (whole / "piece.json").write_text(json.dumps(content, indent=2) + "\n")
    for file in whole.rglob("*"):
        if file.is_file():
            handle = os.open(file, os.O_RDONLY)
            try:
                os.fsync(handle)
            finally:
                os.close(handle)

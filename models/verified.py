"""Remembers which files were read and found to be what their digest says."""

import hashlib
from pathlib import Path

from models.atomic import age_s
from models.card import FileFact

SETTLED_S = 2.0
"""A younger file may be written again without its times showing it."""

_Identity = tuple[int, int, int, int, int]


class Verified:
    """Reads a file once, and again only when the system says that it was written."""

    def __init__(self) -> None:
        self._seen: dict[Path, tuple[_Identity, FileFact]] = {}

    def holds(self, path: Path, fact: FileFact) -> bool:
        """Whether the file at `path`, which exists, is what `fact` says."""
        before = _identity(path)
        if self._seen.get(path) == (before, fact):
            return True
        if path.stat().st_size != fact.size_bytes or digest(path) != fact.sha256:
            return False
        if (age_s(path) or 0.0) > SETTLED_S and _identity(path) == before:
            self._seen[path] = (before, fact)
        return True


def digest(file: Path) -> str:
    """The sha256 of a file's content, in hex."""
    content_hash = hashlib.sha256()
    with file.open("rb") as content:
        while block := content.read(1 << 20):
            content_hash.update(block)
    return content_hash.hexdigest()


def _identity(path: Path) -> _Identity:
    """Differs after any write; ctime cannot be set back as mtime can."""
    said = path.stat()
    return said.st_dev, said.st_ino, said.st_size, said.st_mtime_ns, said.st_ctime_ns

"""Files inside a tar archive of the catalogue: `catalogue://PATH/TO/ARCHIVE.tar.xz/GLOB`.

The archive is unpacked once into the cache, in a folder named by its digest.
"""

import errno
import lzma
import re
import tarfile
import tempfile
import zlib
from pathlib import Path, PurePosixPath

from models.errors import SourceUnreachable
from models.store import digest

_URI = re.compile(
    r"catalogue://(?P<archive>[A-Za-z0-9._/-]+?\.tar(\.[a-z0-9]+)?)/(?P<path>.+)"
)

_DAMAGED = (tarfile.TarError, OSError, EOFError, ValueError, lzma.LZMAError, zlib.error)
"""What reading a damaged archive raises."""


def archived_files(uri: str, catalogue: Path | None, cache: Path) -> list[Path]:
    """The files that `uri` names, in order of name; its path may be a glob pattern.

    Args:
        uri: the archive's place in the catalogue, and what is wanted of it.
        catalogue: the folder of the catalogue; None: nobody said.
        cache: where it is unpacked.

    Raises:
        SourceUnreachable: the archive is missing or damaged, holds no such file, or the
            path leads out of it or is no pattern.
    """
    parsed = _URI.fullmatch(uri)
    if parsed is None:
        raise SourceUnreachable(uri, "must look like catalogue://ARCHIVE.tar.xz/GLOB")
    if not all(_stays_inside(parsed[part]) for part in ("archive", "path")):
        raise SourceUnreachable(uri, "the path must stay inside the archive")
    if catalogue is None or not (catalogue / parsed["archive"]).is_file():
        raise SourceUnreachable(uri, f"the catalogue has no {parsed['archive']}")
    root = _unpacked(uri, catalogue / parsed["archive"], cache)
    try:
        files = sorted(file for file in root.glob(parsed["path"]) if file.is_file())
    except (ValueError, NotImplementedError, OSError) as error:
        raise SourceUnreachable(uri, f"not a pattern of files: {error}") from error
    if not files:
        raise SourceUnreachable(uri, "the archive holds no such file")
    return files


def _stays_inside(path: str) -> bool:
    said = PurePosixPath(path)
    return not said.is_absolute() and ".." not in said.parts


def _unpacked(uri: str, archive: Path, cache: Path) -> Path:
    target = cache / "archives" / digest(archive)[:16]
    if target.is_dir():
        return target
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=".new-") as scratch:
        unpacked = Path(scratch) / "unpacked"
        try:
            _extract(archive, unpacked)
        except _DAMAGED as error:
            raise SourceUnreachable(uri, f"a damaged archive: {error}") from error
        _put(unpacked, target)
    return target


def _extract(archive: Path, folder: Path) -> None:
    folder.mkdir()
    with tarfile.open(archive) as held:
        held.extractall(folder, filter="data")
        # A checksum stands at the end of a stream, behind what tarfile reads.
        while held.fileobj.read(1 << 20):
            pass


def _put(folder: Path, target: Path) -> None:
    """Rename `folder`, unless another process was first with the same."""
    try:
        folder.rename(target)
    except OSError as error:
        if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
            raise

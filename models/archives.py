"""Files inside a tar archive of the catalogue: `catalogue://PATH/TO/ARCHIVE.tar.xz/GLOB`.

The archive is unpacked once into the cache, in a folder named by its digest.
"""

import re
import shutil
import tarfile
import tempfile
from pathlib import Path, PurePosixPath

from models.errors import SourceUnreachable
from models.store import digest

_URI = re.compile(
    r"catalogue://(?P<archive>[A-Za-z0-9._/-]+?\.tar(\.[a-z0-9]+)?)/(?P<path>.+)"
)


def archived_files(uri: str, catalogue: Path | None, cache: Path) -> list[Path]:
    """The files that `uri` names, in order of name; its path may be a glob pattern.

    Args:
        uri: the archive's place in the catalogue, and what is wanted of it.
        catalogue: the folder of the catalogue; None: nobody said.
        cache: where it is unpacked.

    Raises:
        SourceUnreachable: the archive is missing or damaged, or holds no such file.
    """
    parsed = _URI.fullmatch(uri)
    if parsed is None:
        raise SourceUnreachable(uri, "must look like catalogue://ARCHIVE.tar.xz/GLOB")
    if ".." in (*PurePosixPath(parsed["archive"]).parts, *Path(parsed["path"]).parts):
        raise SourceUnreachable(uri, "the path must stay inside the archive")
    if catalogue is None or not (catalogue / parsed["archive"]).is_file():
        raise SourceUnreachable(uri, f"the catalogue has no {parsed['archive']}")
    root = _unpacked(uri, catalogue / parsed["archive"], cache)
    files = sorted(file for file in root.glob(parsed["path"]) if file.is_file())
    if not files:
        raise SourceUnreachable(uri, "the archive holds no such file")
    return files


def _unpacked(uri: str, archive: Path, cache: Path) -> Path:
    target = cache / "archives" / digest(archive)[:16]
    if target.is_dir():
        return target
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=".new-") as scratch:
        unpacked = Path(scratch) / "unpacked"
        try:
            with tarfile.open(archive) as held:
                held.extractall(unpacked, filter="data")
        except (tarfile.TarError, OSError, EOFError, ValueError) as error:
            raise SourceUnreachable(uri, f"a damaged archive: {error}") from error
        if not target.is_dir():
            shutil.move(unpacked, target)
    return target

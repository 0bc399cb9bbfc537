"""Where artefacts come from: packages, files and, through fsspec, the web and buckets.

An artefact is streamed to `<cache>/<sha256>.part`, checked, and renamed to
`<cache>/<sha256>`: a file of that name is whole and right, and is not read again.
"""

import asyncio
import fcntl
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import fsspec

from configs.model import Artefact
from models.errors import HashMismatch, SourceUnreachable
from models.packages import package_file
from models.progress import Progress, silent
from models.store import digest

BLOCK_BYTES, RANGE_BYTES = 1 << 20, 1 << 23
WEB = ("http", "https")
CONNECT_TIMEOUT_S, READ_TIMEOUT_S = 15.0, 60.0

_FAILURES = (
    ("aiohttp", "ClientError"),
    ("botocore.exceptions", "BotoCoreError"),
    ("gcsfs.retry", "HttpError"),
    ("google.auth.exceptions", "GoogleAuthError"),
    ("httpx", "HTTPError"),
    ("httpx2", "HTTPError"),
)
"""What filesystems raise besides OSError; known only once one of them is loaded."""

_EXTRAS = {"s3": "headwater[s3]", "gs": "headwater[gcs]", "hf": "headwater[hf]"}


@dataclass(frozen=True, slots=True)
class Patience:
    """How often a broken transfer is taken up again, and after how long."""

    attempts: int = 4
    pause_s: float = 1.0


def fetch(
    artefact: Artefact,
    cache: Path,
    progress: Progress = silent,
    patience: Patience = Patience(),
) -> Path:
    """The local copy of `artefact`; fetched, resumed where it broke off, and checked.

    Raises:
        SourceUnreachable: it cannot be read, even after `patience`.
        HashMismatch: it is not what was pinned; what was fetched is deleted.
    """
    target = cache / artefact.sha256
    if target.is_file() and digest(target) == artefact.sha256:
        return target
    cache.mkdir(parents=True, exist_ok=True)
    with target.with_suffix(".lock").open("ab") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # two must not write one part; ends with us
        if not (target.is_file() and digest(target) == artefact.sha256):
            _fetch_into(target, artefact, progress, patience)
    return target


def _fetch_into(
    target: Path, artefact: Artefact, progress: Progress, patience: Patience
) -> None:
    part = target.with_suffix(".part")
    resumed = part.is_file()
    _transfer_patiently(artefact.uri, part, progress, patience)
    got = digest(part)
    if got != artefact.sha256 and resumed:  # the part may be of another day's file
        part.unlink(missing_ok=True)
        _transfer_patiently(artefact.uri, part, progress, patience)
        got = digest(part)
    if got != artefact.sha256:
        part.unlink(missing_ok=True)
        raise HashMismatch(artefact.uri, artefact.sha256, got)
    part.replace(target)


def _transfer_patiently(
    uri: str, part: Path, progress: Progress, patience: Patience
) -> None:
    for attempt in range(1, patience.attempts + 1):
        try:
            return _transfer(uri, part, progress)
        except failures() as error:
            cause = _cause(error)
            if attempt == patience.attempts or _is_final(cause):
                raise SourceUnreachable(uri, _reason(cause)) from error
        time.sleep(patience.pause_s * 2 ** (attempt - 1))


def _transfer(uri: str, part: Path, progress: Progress) -> None:
    """Append to `part` what is missing of it."""
    filesystem, path = _locate(uri, part.parent)
    size = int(filesystem.info(path).get("size") or 0)
    try:
        _copy(_open(filesystem, path, size, _bytes_of(part)), part, progress)
    except ValueError:  # fsspec's word for a server that cannot start in the middle
        part.unlink(missing_ok=True)
        _copy(_open(filesystem, path, size, 0), part, progress)


@dataclass(frozen=True, slots=True)
class _Opened:
    name: str
    content: BinaryIO
    size: int
    offset: int


def _open(filesystem: Any, path: str, size: int, offset: int) -> _Opened:
    """Open for reading from `offset`; a longer part than the whole is no part of it."""
    offset = offset if offset <= size else 0
    options: dict[str, object] = {}
    if _is_web(filesystem):  # in one answer from the start, else in ranges
        options = {"size": size, "block_size": RANGE_BYTES if offset else 0}
    return _Opened(path, filesystem.open(path, "rb", **options), size, offset)


def _copy(source: _Opened, part: Path, progress: Progress) -> None:
    step = f"fetch {source.name.rsplit('/', 1)[-1]}"
    with source.content, part.open("ab") as sink:
        sink.truncate(source.offset)
        if source.offset:
            source.content.seek(source.offset)
        done = source.offset
        progress(step, done, source.size)
        for block in _blocks(source.content):
            done += sink.write(block)
            progress(step, done, source.size)
    if source.size and done != source.size:
        raise OSError(f"{source.size} bytes were promised, {done} came")
    progress(step, done, done)


def _bytes_of(part: Path) -> int:
    return part.stat().st_size if part.is_file() else 0


def _blocks(source: BinaryIO) -> Iterator[bytes]:
    while block := source.read(BLOCK_BYTES):
        yield block


def _locate(uri: str, cache: Path) -> tuple[Any, str]:
    """The filesystem and the path on it.

    Raises:
        SourceUnreachable: the scheme is unknown or its library is not installed.
    """
    scheme = uri.split("://", 1)[0]
    if scheme == "package":
        return fsspec.filesystem("file"), str(package_file(uri, cache))
    options = {"client_kwargs": {"timeout": _http_timeout()}} if scheme in WEB else {}
    try:
        filesystem, path = fsspec.core.url_to_fs(uri, **options)
    except ImportError as error:
        wanted = _EXTRAS.get(scheme, "the library of this scheme")
        raise SourceUnreachable(uri, f"install {wanted}") from error
    except ValueError as error:
        raise SourceUnreachable(uri, f"{scheme}:// is not a known scheme") from error
    return filesystem, path


def _is_web(filesystem: Any) -> bool:
    return "http" in filesystem.protocol


def _http_timeout() -> object:
    import aiohttp

    return aiohttp.ClientTimeout(
        total=None, sock_connect=CONNECT_TIMEOUT_S, sock_read=READ_TIMEOUT_S
    )


def failures() -> tuple[type[BaseException], ...]:
    """What reading or writing through a filesystem may raise."""
    loaded = (
        getattr(sys.modules[module], name)
        for module, name in _FAILURES
        if module in sys.modules
    )
    return (OSError, asyncio.TimeoutError, *loaded)


def _cause(error: BaseException) -> BaseException:
    """A web filesystem reports every failure as a missing file, the true one as cause."""
    if isinstance(error, FileNotFoundError) and error.__cause__ is not None:
        return error.__cause__
    return error


def _is_final(error: BaseException) -> bool:
    if isinstance(error, FileNotFoundError | PermissionError | IsADirectoryError):
        return True
    return getattr(error, "status", None) in (400, 401, 403, 404, 410)


def _reason(error: BaseException) -> str:
    if isinstance(error, FileNotFoundError) or getattr(error, "status", None) == 404:
        return "no such file"
    return str(error).strip() or type(error).__name__

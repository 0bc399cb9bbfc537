"""Files inside Python packages: `package://DIST@VERSION/PATH`.

The installed distribution of exactly that version is used; otherwise its wheel is
downloaded with pip and unpacked into the cache. Nothing of the package is imported.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path, PurePosixPath

from models.errors import SourceUnreachable

_URI = re.compile(
    r"package://(?P<name>[A-Za-z0-9][A-Za-z0-9._-]*)"
    r"@(?P<version>[A-Za-z0-9][A-Za-z0-9.!+_-]*)/(?P<path>.+)"
)
DOWNLOAD_TIMEOUT_S = 900.0
SHOWN_FILES = 5


def package_files(uri: str, cache: Path) -> list[Path]:
    """The files that `uri` names, in order of name; its path may be a glob pattern.

    Raises:
        SourceUnreachable: the package cannot be had or holds no such file.
    """
    parsed = _URI.fullmatch(uri)
    if parsed is None:
        raise SourceUnreachable(uri, "must look like package://DIST@VERSION/PATH")
    if ".." in PurePosixPath(parsed["path"]).parts or parsed["path"].startswith("/"):
        raise SourceUnreachable(uri, "the path must stay inside the package")
    root = _root(uri, parsed["name"], parsed["version"], cache)
    files = sorted(file for file in root.glob(parsed["path"]) if file.is_file())
    if not files:
        raise SourceUnreachable(uri, "the package holds no such file")
    return files


def package_file(uri: str, cache: Path) -> Path:
    """The one file that `uri` names.

    Raises:
        SourceUnreachable: the package cannot be had, or its path fits no file or several.
    """
    files = package_files(uri, cache)
    if len(files) > 1:
        shared = os.path.commonpath(files)
        names = [str(file.relative_to(shared)) for file in files[:SHOWN_FILES]]
        more = ["..."] if len(files) > SHOWN_FILES else []
        shown = ", ".join([*names, *more])
        reason = f"must name one file, fits {len(files)}: {shown}"
        raise SourceUnreachable(uri, reason)
    return files[0]


def _root(uri: str, name: str, version: str, cache: Path) -> Path:
    installed = _installed(name, version)
    if installed is not None:
        return installed
    unpacked = cache / "packages" / f"{name}-{version}"
    if not unpacked.is_dir():
        _download(uri, f"{name}=={version}", unpacked)
    return unpacked


def _installed(name: str, version: str) -> Path | None:
    try:
        distribution = metadata.distribution(name)
    except metadata.PackageNotFoundError:
        return None
    if distribution.version != version:
        return None
    return Path(str(distribution.locate_file("")))


def _download(uri: str, requirement: str, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=".new-") as scratch:
        _pip(uri, ["--dest", scratch, requirement])
        (wheel,) = Path(scratch).glob("*.whl")
        unpacked = Path(scratch) / "unpacked"
        with zipfile.ZipFile(wheel) as archive:
            archive.extractall(unpacked)
        if not target.is_dir():
            shutil.move(unpacked, target)


def _pip(uri: str, arguments: Sequence[str]) -> None:
    command = [
        sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary=:all:",
        "--disable-pip-version-check", "--no-input", "--quiet", *arguments,
    ]  # fmt: skip
    try:
        done = subprocess.run(  # noqa: S603 (name and version have passed _URI)
            command,
            capture_output=True,
            text=True,
            timeout=DOWNLOAD_TIMEOUT_S,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        reason = f"pip took more than {DOWNLOAD_TIMEOUT_S:.0f} s"
        raise SourceUnreachable(uri, reason) from error
    if done.returncode != 0:
        lines = [line for line in done.stderr.splitlines() if line.strip()]
        raise SourceUnreachable(uri, lines[-1] if lines else "pip failed")

"""Files inside Debian packages: `deb://NAME@VERSION/PATH`.

The package of exactly that version is downloaded with apt-get, which checks Debian's
signatures, and unpacked into the cache. Nothing is installed and none of its code runs.
"""

import re
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from models.errors import SourceUnreachable

_URI = re.compile(
    r"deb://(?P<name>[a-z0-9][a-z0-9.+-]+)"
    r"@(?P<version>[0-9][A-Za-z0-9.+:~-]*)/(?P<path>.+)"
)
TIMEOUT_S = 900.0


def debian_files(uri: str, cache: Path) -> list[Path]:
    """The files that `uri` names, in order of name; its path may be a glob pattern.

    Raises:
        SourceUnreachable: the package cannot be had or holds no such file.
    """
    parsed = _URI.fullmatch(uri)
    if parsed is None:
        raise SourceUnreachable(uri, "must look like deb://NAME@VERSION/PATH")
    if ".." in PurePosixPath(parsed["path"]).parts or parsed["path"].startswith("/"):
        raise SourceUnreachable(uri, "the path must stay inside the package")
    root = cache / "debian" / f"{parsed['name']}-{parsed['version']}"
    if not root.is_dir():
        _download(uri, f"{parsed['name']}={parsed['version']}", root)
    files = sorted(file for file in root.glob(parsed["path"]) if file.is_file())
    if not files:
        raise SourceUnreachable(uri, "the package holds no such file")
    return files


def _download(uri: str, wanted: str, target: Path) -> None:
    for tool in ("apt-get", "dpkg-deb"):
        if shutil.which(tool) is None:
            reason = f"{tool} is missing: run this on Debian or Ubuntu, or unpack the"
            reason += f" package elsewhere and copy its files to {target}"
            raise SourceUnreachable(uri, reason)
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=".new-") as scratch:
        folder = Path(scratch)
        _run(uri, ["apt-get", "download", "--quiet", wanted], folder)
        archive = next(folder.glob("*.deb"), None)
        if archive is None:
            raise SourceUnreachable(uri, "apt-get left no package file")
        _run(uri, ["dpkg-deb", "--extract", archive.name, "unpacked"], folder)
        if not target.is_dir():
            shutil.move(folder / "unpacked", target)


def _run(uri: str, command: Sequence[str], folder: Path) -> None:
    try:
        done = subprocess.run(  # noqa: S603 (name and version have passed _URI)
            command,
            cwd=folder,
            capture_output=True,
            text=True,
            timeout=TIMEOUT_S,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        reason = f"{command[0]} took more than {TIMEOUT_S:.0f} s"
        raise SourceUnreachable(uri, reason) from error
    if done.returncode != 0:
        said = [line for line in done.stderr.splitlines() if line.startswith("E:")]
        reason = said[0] if said else f"{command[0]} failed"
        hint = "; `apt-get update` may help" if command[0] == "apt-get" else ""
        raise SourceUnreachable(uri, reason + hint)

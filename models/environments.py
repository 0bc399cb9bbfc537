"""Environments of tools: a venv each, made when first needed, called with JSON.

A tool whose libraries dispute ours (TensorRT-RTX, an LLM compressor) lives in
`HOME/envs/NAME-HASH`, the hash over its pins and the Python: other pins, another venv. A
call starts one process there (`models.inside`), so a library that aborts takes only
that process with it. The module that is called runs there and has a function
`answer(request, progress)`; it may import the standard library, the libraries of that
environment, and modules of ours that do no more.
"""

import contextlib
import fcntl
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path

from models import inside
from models.errors import ToolFailed
from models.keys import hash_of
from models.processes import Called, Conversation, ended, limited, send, started
from models.progress import Progress, silent

STAMP = "headwater.json"
INSTALL_TIMEOUT_S = 3600.0
PIP = (sys.executable, "-m", "pip")

_DOWNLOADING = re.compile(r"Downloading (?:\S*/)?(?P<file>[^/\s]+)")
_PROGRESS = re.compile(r"Progress (?P<done>\d+) of (?P<total>\d+)")


@dataclass(frozen=True, slots=True)
class Tooling:
    """What an environment holds: pinned requirements, installed from wheels only."""

    name: str
    requirements: tuple[str, ...]
    dependencies: bool = True

    @property
    def key(self) -> str:
        """The same for the same pins, interpreter and way of installing."""
        said = [sys.version, list(self.requirements), self.dependencies]
        return hash_of(said)[:12]


def pinned(file: Path) -> Tooling:
    """What `file` lists, one pin a line, and nothing that they ask for beside."""
    pins = (line.strip() for line in file.read_text(encoding="utf-8").splitlines())
    kept = tuple(pin for pin in pins if pin and not pin.startswith("#"))
    return Tooling(file.stem, kept, dependencies=False)


class ToolEnvironment:
    """One venv below `root`; nothing is on disk before `make` or a call."""

    def __init__(
        self,
        tooling: Tooling,
        root: Path,
        progress: Progress = silent,
        pip: Sequence[str] = PIP,
    ) -> None:
        self.tooling, self._progress, self._pip = tooling, progress, tuple(pip)
        self.folder = root.resolve() / f"{tooling.name}-{tooling.key}"

    @property
    def python(self) -> Path:
        """Its interpreter."""
        return self.folder / "bin" / "python"

    @property
    def is_made(self) -> bool:
        """Whether it is whole."""
        return (self.folder / STAMP).is_file() and self.python.exists()

    def make(self) -> None:
        """Make it, unless it is there; a second process waits for the first.

        Raises:
            ToolFailed: it cannot be installed.
        """
        if self.is_made:
            return
        with self._lock():
            if not self.is_made:
                self._make()

    def versions(self) -> Mapping[str, str]:
        """What is installed in it, by distribution; it is made first."""
        self.make()
        said = json.loads((self.folder / STAMP).read_text(encoding="utf-8"))
        return dict(said["versions"])

    def call(
        self,
        module: str,
        request: object,
        timeout_s: float | None = None,
        variables: Mapping[str, str] | None = None,
    ) -> object:
        """What `module.answer(request, progress)` returns, called inside.

        Args:
            module: its full name; it is not imported on this side.
            request: anything JSON can say.
            timeout_s: after it the process is killed; None: never.
            variables: environment variables to set on top of ours.

        Raises:
            ToolFailed: the environment cannot be made; or the module raised, took too
                long, or ended the process.
        """
        self.make()
        told = Called(self.tooling.name, module, self._progress)
        return call_inside(self.python, told, request, timeout_s, variables)

    def _make(self) -> None:
        if self.folder.exists():  # what a killed process has left
            shutil.rmtree(self.folder)
        name = self.tooling.name
        self._progress(f"environment {name}", 0, 0)
        try:
            self._run([sys.executable, "-m", "venv", "--without-pip", str(self.folder)])
            if self.tooling.requirements:
                self._run(self._install())
            stamp = {
                "requirements": self.tooling.requirements,
                "versions": _installed(self.folder),
            }
            scratch = self.folder / f"{STAMP}.part"
            scratch.write_text(json.dumps(stamp, indent=1), encoding="utf-8")
            scratch.replace(self.folder / STAMP)
        except OSError as error:
            reason = f"{self.folder}: {error.strerror or error}"
            raise ToolFailed(name, "installing it", reason) from error
        self._progress(f"environment {name}", 1, 1)

    def _install(self) -> list[str]:
        quick = () if self.tooling.dependencies else ("--no-deps",)
        return [
            *self._pip, "--python", str(self.python), "install",
            "--only-binary=:all:", "--no-input", "--disable-pip-version-check",
            f"--progress-bar={_progress_style()}", *quick, *self.tooling.requirements,
        ]  # fmt: skip

    def _run(self, command: Sequence[str]) -> None:
        """Run a command that makes a part of it, and tell what is downloaded."""
        lines, step = list[str](), f"environment {self.tooling.name}"
        process = subprocess.Popen(  # noqa: S603 - pins of ours
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            start_new_session=True,
        )
        with ended(process), limited(process, INSTALL_TIMEOUT_S) as expired:
            for line in process.stdout or ():
                if found := _DOWNLOADING.search(line):
                    step = f"environment {self.tooling.name}: {found['file']}"
                if counted := _PROGRESS.search(line):
                    self._progress(step, int(counted["done"]), int(counted["total"]))
                elif line.strip():
                    lines.append(line.strip())
            code = process.wait()
        if expired.is_set():
            reason = f"it took more than {INSTALL_TIMEOUT_S:g} s"
            raise ToolFailed(self.tooling.name, "installing it", reason)
        if code != 0:
            raise ToolFailed(self.tooling.name, "installing it", _cause(lines, code))

    @contextlib.contextmanager
    def _lock(self) -> Iterator[None]:
        self.folder.parent.mkdir(parents=True, exist_ok=True)
        file = self.folder.parent / f".{self.folder.name}.lock"
        with file.open("w") as held:
            fcntl.flock(held, fcntl.LOCK_EX)
            yield


def call_inside(
    python: Path,
    called: Called,
    request: object,
    timeout_s: float | None = None,
    variables: Mapping[str, str] | None = None,
) -> object:
    """What `called.module` answers in a process of `python`; see `ToolEnvironment.call`.

    Raises:
        ToolFailed: it raised, took too long, or ended the process.
    """
    module = called.module
    said = {"module": module, "root": _root_of(module), "request": request}
    command = [str(python), "-I", str(Path(inside.__file__))]
    environ = {**os.environ, **(variables or {})}
    conversation = Conversation(called)
    with tempfile.TemporaryFile("w+", errors="replace") as output:
        with (
            started(command, environ, output) as (process, reply),
            limited(process, timeout_s) as expired,
        ):
            send(process, said)
            conversation.follow(reply)
            code = process.wait()
        if expired.is_set():
            raise called.failed(f"took more than {timeout_s:g} s")
        return conversation.answer(code, output)


def _root_of(module: str) -> str:
    """The folder that holds the package of `module`."""
    package = find_spec(module.partition(".")[0])
    places = package.submodule_search_locations if package is not None else None
    if not places:
        raise ModuleNotFoundError(f"{module} is in no package of ours")
    return str(Path(next(iter(places))).parent)


def _installed(folder: Path) -> Mapping[str, str]:
    (packages,) = folder.glob("lib/python*/site-packages")
    found = metadata.distributions(path=[str(packages)])
    return dict(sorted((one.metadata["Name"], one.version) for one in found))


def _progress_style() -> str:
    """Bytes as numbers, which pip knows since 24.1."""
    known = tuple(int(part) for part in metadata.version("pip").split(".")[:2])
    return "raw" if known >= (24, 1) else "off"


def _cause(lines: Sequence[str], code: int) -> str:
    """What of pip's lines says why; its notices about itself do not."""
    errors = [line for line in lines if line.startswith("ERROR:")]
    chosen = errors or lines
    return chosen[-1].removeprefix("ERROR:").strip() if chosen else f"exit code {code}"

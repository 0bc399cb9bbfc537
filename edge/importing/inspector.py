"""A file of somebody else → what it is, or the one reason why it is not usable."""

import shutil
import sys
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from configs.device import DeviceSpec
from edge.importing.program_classes import Program, Try, classes, converted
from edge.importing.refusals import Refused, unwritable
from models.environments import call_inside
from models.errors import ToolFailed
from models.litert.toolings import VARIABLES
from models.processes import Called
from models.store import digest

FORMATS = (".tflite", ".onnx", ".h5", ".pt2")
WORKER = "edge.importing.worker"
TIMEOUT_S = 300.0
MOST_BYTES = 2 << 30
HDF5 = b"\x89HDF\r\n\x1a\n"
INSTALLING = "installing it"
"""What an environment says that it was doing when it could not be made."""

Converter = Callable[[Path, Path], object]
"""Writes a .tflite of a Keras file, or answers `refused`."""


def _nothing_tried(*_: object) -> tuple[()]:
    return ()


@dataclass(frozen=True, slots=True)
class Converters:
    """What makes files for devices of others; `keras` None: such a file is refused."""

    keras: Converter | None = None
    program: Try = _nothing_tried


@dataclass(frozen=True, slots=True)
class Inspected:
    """One file; `reason` is empty when it is usable, and `facts` are what was found."""

    file: str
    sha256: str
    size_bytes: int
    reason: Mapping[str, str] = field(default_factory=dict)
    facts: Mapping[str, Any] = field(default_factory=dict)

    @property
    def is_usable(self) -> bool:
        """Whether it runs here."""
        return not self.reason

    def as_json(self) -> Mapping[str, object]:
        """What a tool reads."""
        return {
            "file": self.file,
            "sha256": self.sha256,
            "size_bytes": self.size_bytes,
            "usable": self.is_usable,
            "reason": dict(self.reason) or None,
            **self.facts,
        }


def inspect(
    file: Path,
    devices: Mapping[str, DeviceSpec],
    golden: Path | None = None,
    timeout_s: float = TIMEOUT_S,
    converters: Converters = Converters(),
) -> Inspected:
    """Look into `file` in a process of its own; whatever it does there is an answer here.

    Args:
        file: ends with one of `FORMATS`.
        devices: the classes it is held against.
        golden: where drawn inputs and their answers go; None: nowhere.
        timeout_s: after it the process is ended.
        converters: what turns a Keras file or a torch program into files for devices.
    """
    try:
        size, sha256 = _measured(file)
    except Refused as refused:
        return Inspected(file.name, "", 0, _said(refused))
    wish = _Wish(devices, golden, timeout_s, converters)
    try:
        with tempfile.TemporaryDirectory() as scratch:
            facts = _found(file, Path(scratch), wish)
    except Refused as refused:
        return Inspected(file.name, sha256, size, _said(refused))
    return Inspected(file.name, sha256, size, {}, facts)


@dataclass(frozen=True, slots=True)
class _Wish:
    devices: Mapping[str, DeviceSpec]
    golden: Path | None
    timeout_s: float
    converters: Converters


def _found(file: Path, scratch: Path, wish: _Wish) -> Mapping[str, Any]:
    if file.suffix == ".pt2":
        return _program(file, scratch, wish)
    runs = _converted(file, scratch, wish.converters.keras)
    found = ask(runs, wish.devices, wish.golden, wish.timeout_s)
    return {**found, **_made(file, runs)}


def _program(file: Path, scratch: Path, wish: _Wish) -> Mapping[str, Any]:
    """A torch program, and what becomes of it for each class."""
    golden, room = scratch / "golden.npz", scratch / "forms"
    room.mkdir()
    facts = ask(file, {}, golden, wish.timeout_s)
    _keep(golden, wish.golden)
    ran = Program(file.absolute(), facts, golden)
    tried = wish.converters.program(ran, wish.devices, room)
    total = sum(one["count"] for one in facts["operators"])
    verdicts = classes(tried, wish.devices, total)
    return {**facts, "converted": converted(tried), "classes": verdicts}


def _keep(golden: Path, wanted: Path | None) -> None:
    if wanted is None:
        return
    try:
        shutil.copyfile(golden, wanted)
    except OSError as error:
        raise unwritable(str(wanted), error) from error


def _measured(file: Path) -> tuple[int, str]:
    if file.suffix not in FORMATS:
        raise Refused("unknown_format", f"its name must end with {', '.join(FORMATS)}")
    try:
        size = file.stat().st_size
        if not file.is_file():
            raise Refused("not_a_file", "it is a folder or a device")
        if size > MOST_BYTES:
            raise Refused("too_large", f"it has {size} bytes, at most {MOST_BYTES}")
        return size, digest(file)
    except OSError as error:
        raise Refused("unreadable", error.strerror or "it cannot be read") from error


def _converted(file: Path, scratch: Path, keras: Converter | None) -> Path:
    """What runs: the file itself, or for Keras what becomes of it."""
    if file.suffix != ".h5":
        return file
    with file.open("rb") as opened:
        if opened.read(len(HDF5)) != HDF5:
            raise Refused("not_h5", "it does not begin as HDF5 does")
    if keras is None:
        said = "a Keras file holds no program that a device runs; save it as .tflite"
        raise Refused("needs_conversion", said)
    target = scratch / "converted.tflite"
    try:
        _unless_refused(keras(file, target))
    except ToolFailed as failed:
        raise _refusal(failed) from failed
    return target


def _made(file: Path, runs: Path) -> Mapping[str, object]:
    """What was converted, said beside what was found in it."""
    if runs == file:
        return {}
    size = runs.stat().st_size
    return {
        "format": "h5",
        "converted": {"sha256": digest(runs), "size_bytes": size},
    }


def ask(
    file: Path,
    devices: Mapping[str, DeviceSpec],
    golden: Path | None,
    timeout_s: float = TIMEOUT_S,
) -> Mapping[str, Any]:
    """What the worker finds in `file`, which is what runs.

    Raises:
        Refused: it is not usable.
    """
    request = {
        "file": str(file.absolute()),
        "golden": None if golden is None else str(golden.resolve()),
        "devices": {name: one.model_dump(mode="json") for name, one in devices.items()},
    }
    called = Called("import", WORKER)
    try:
        answer = call_inside(
            Path(sys.executable), called, request, timeout_s, VARIABLES
        )
    except ToolFailed as failed:
        raise _refusal(failed) from failed
    return _unless_refused(answer)


def _unless_refused(answer: object) -> Mapping[str, Any]:
    found = cast("Mapping[str, Any]", answer)
    if "refused" in found:
        raise Refused(found["refused"]["code"], found["refused"]["detail"])
    return found


def _refusal(failed: ToolFailed) -> Refused:
    """What the end of the process says of the file."""
    if failed.doing == INSTALLING:
        return Refused("not_installed", str(failed))
    if failed.reason.startswith("took more than"):
        return Refused("too_slow", failed.reason)
    if failed.reason.startswith("the process ended with"):
        return Refused("crashes", failed.reason)
    return Refused("does_not_run", failed.reason)


def _said(refused: Refused) -> Mapping[str, str]:
    return {"code": refused.code, "detail": refused.detail}

"""A file of somebody else → what it is, or the one reason why it is not usable."""

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from configs.device import DeviceSpec
from edge.importing.refusals import Refused
from models.environments import call_inside
from models.errors import ToolFailed
from models.litert.toolings import VARIABLES
from models.processes import Called
from models.store import digest

FORMATS = (".tflite", ".onnx", ".h5", ".pt2")
WORKER = "edge.importing.worker"
TIMEOUT_S = 300.0
MOST_BYTES = 2 << 30


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
) -> Inspected:
    """Look into `file` in a process of its own; whatever it does there is an answer here.

    Args:
        file: ends with one of `FORMATS`.
        devices: the classes it is held against.
        golden: where drawn inputs and their answers go; None: nowhere.
        timeout_s: after it the process is ended.
    """
    try:
        size, sha256 = _measured(file)
    except Refused as refused:
        return Inspected(file.name, "", 0, _said(refused))
    bare = Inspected(file.name, sha256, size)
    try:
        facts = _asked(file, devices, golden, timeout_s)
    except Refused as refused:
        return Inspected(bare.file, sha256, size, _said(refused))
    return Inspected(bare.file, sha256, size, {}, facts)


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


def _asked(
    file: Path,
    devices: Mapping[str, DeviceSpec],
    golden: Path | None,
    timeout_s: float,
) -> Mapping[str, Any]:
    if file.suffix == ".h5":
        said = "a Keras file holds no program that a device runs; save it as .tflite"
        raise Refused("needs_conversion", said)
    request = {
        "file": str(file.resolve()),
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
    found = cast("Mapping[str, Any]", answer)
    if "refused" in found:
        raise Refused(found["refused"]["code"], found["refused"]["detail"])
    return found


def _refusal(failed: ToolFailed) -> Refused:
    """What the end of the process says of the file."""
    if failed.reason.startswith("took more than"):
        return Refused("too_slow", failed.reason)
    if failed.reason.startswith("the process ended with"):
        return Refused("crashes", failed.reason)
    return Refused("does_not_run", failed.reason)


def _said(refused: Refused) -> Mapping[str, str]:
    return {"code": refused.code, "detail": refused.detail}

"""Looks into one file, in a process that may end as it likes."""

import resource
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from configs.device import DeviceSpec
from edge.importing.refusals import Refused

MEMORY_BYTES = 12 << 30
"""Of address space; torch alone reserves some. A tensor beyond it is an error here."""


def answer(request: Mapping[str, Any], progress: object) -> object:
    """What is in `request["file"]`, or `refused` with why it is not usable."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    try:
        return _inspected(request)
    except Refused as refused:
        return {"refused": {"code": refused.code, "detail": refused.detail}}
    except MemoryError:
        said = f"it needs more than {MEMORY_BYTES} bytes of memory"
        return {"refused": {"code": "too_large", "detail": said}}


def _inspected(request: Mapping[str, Any]) -> object:
    file, golden = Path(request["file"]), request["golden"]
    said = request["devices"]
    devices = {name: DeviceSpec.model_validate(one) for name, one in said.items()}
    if file.suffix == ".tflite":
        from edge.importing import tflite

        return tflite.inspect(file, devices, golden)
    if file.suffix == ".onnx":
        from edge.importing import onnx

        return onnx.inspect(file, devices, golden)
    from edge.importing import program

    return program.inspect(file, golden)

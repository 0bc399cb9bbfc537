"""Where files for phones are made and run, each time in a process of its own.

ExecuTorch and Core ML's converter agree on torch and share one environment. ONNX Runtime
is installed here, so its tools run in a process of this interpreter.
"""

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from configs.device import DeviceForm
from models.environments import ToolEnvironment, Tooling, call_inside, pinned
from models.litert.toolings import VARIABLES, Tool
from models.processes import Called
from models.recipes.bench import Bench

WORKERS = "models.mobile.workers"
OLDEST: Mapping[DeviceForm, str] = {"executorch": "executorch", "ort": "onnxruntime"}
"""The forms that an older runtime is asked for as well, and its distribution."""
ONNX_RUNTIME = Tooling("onnxruntime", ())
"""No environment: this interpreter."""
NO_WHEELS: Mapping[DeviceForm, tuple[int, int]] = {"ort": (3, 13)}
"""The first Python for which there is no wheel of the oldest runtime."""


def mobile() -> Tooling:
    """ExecuTorch and coremltools on torch; 1.2 GB."""
    return pinned(Path(__file__).parent / "mobile.txt")


def oldest(form: DeviceForm) -> Tooling:
    """The oldest runtime for a form of `OLDEST`; 1.0 GB for ExecuTorch, else 0.1 GB."""
    return pinned(Path(__file__).parent / f"{OLDEST[form]}-oldest.txt")


def has_oldest(form: DeviceForm) -> bool:
    """Whether the oldest runtime can be had for this Python."""
    return form not in NO_WHEELS or sys.version_info[:2] < NO_WHEELS[form]


def mobile_pins() -> tuple[str, ...]:
    """What a conversion for Core ML depends on."""
    return mobile().requirements


def executorch_pins() -> tuple[str, ...]:
    """What a conversion for ExecuTorch and its proof depend on."""
    return (*mobile().requirements, *oldest("executorch").requirements)


def ort_pins() -> tuple[str, ...]:
    """What the proof of a file for ONNX Runtime depends on."""
    return oldest("ort").requirements


def version(name: str) -> str:
    """The pinned version of `name` in the environment `mobile`."""
    return _version(mobile(), name)


def oldest_runtime(form: DeviceForm) -> str:
    """The name of `oldest(form)` with its version."""
    name = OLDEST[form]
    return f"{name}-{_version(oldest(form), name)}"


def _version(tooling: Tooling, name: str) -> str:
    return dict(pin.split("==") for pin in tooling.requirements)[name]


def environment(bench: Bench, tooling: Tooling) -> Tool:
    """The one of this installation."""
    place = ToolEnvironment(tooling, bench.rooms.home / "envs", bench.progress)

    def call(worker: str, request: Mapping[str, object]) -> Any:
        module = f"{WORKERS}.{worker}"
        if tooling == ONNX_RUNTIME:
            called = Called(tooling.name, module, bench.progress)
            python = Path(sys.executable)
            return call_inside(python, called, request, variables=VARIABLES)
        return place.call(module, request, variables=VARIABLES)

    return call

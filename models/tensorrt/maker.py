"""Makes engines: which library builds, where, and whether it already has."""

import sys
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any, cast

from models.environments import ToolEnvironment, Tooling, call_inside
from models.errors import BuildFailed
from models.keys import hash_of
from models.processes import Called
from models.progress import Progress, silent
from models.recipes.pieces import ENGINE
from models.tensorrt.api import load_api
from models.tensorrt.engines import (
    Engine,
    Runtime,
    engine_key,
    find_engine,
    write_label,
)
from models.tensorrt.gpu import Gpu, find_gpu
from models.tensorrt.options import EngineOptions

RTX_VERSION = "1.7.1.116"
RTX = Tooling(
    "trt-rtx",
    (
        f"tensorrt-rtx-cu13-libs=={RTX_VERSION}",
        f"tensorrt-rtx-cu13-bindings=={RTX_VERSION}",
    ),
    dependencies=False,
)
"""TensorRT-RTX: 95 MB, 234 MB unpacked, under NVIDIA's licence; builds without a GPU."""

WORKER = "models.tensorrt.worker"
BUILD_TIMEOUT_S = 3600.0

Call = Callable[[Mapping[str, object]], object]


@dataclass(frozen=True, slots=True)
class Maker:
    """Builds with one runtime; `call` sends a request to `models.tensorrt.worker`."""

    runtime: Runtime
    engines: Path
    call: Call

    def make(self, name: str, onnx: Path, options: EngineOptions) -> Engine:
        """The engine of `onnx`; built, unless one of the same key is kept.

        Raises:
            BuildFailed: the library takes this ONNX or these options not.
            ToolFailed: the library cannot be had, or ended its process.
        """
        key = engine_key(onnx, self.runtime, options)
        kept = self.engines / key
        found = find_engine(kept, key)
        if found is not None:
            return found
        self.engines.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=self.engines, prefix=".new-") as scratch:
            whole = Path(scratch) / "whole"
            whole.mkdir()
            told = self._build(name, onnx, options, whole / ENGINE)
            label = {
                "key": key,
                "runtime": self.runtime.as_json(),
                "options": options.as_json(),
                "tensors": told["tensors"],
                "profiles": told["profiles"],
            }
            made = write_label(whole, label)
            if kept.exists():  # not whole, or `find_engine` would have found it
                kept.rename(Path(scratch) / "old")
            whole.rename(kept)
        return Engine(kept, made.label)

    def _build(
        self, name: str, onnx: Path, options: EngineOptions, target: Path
    ) -> Mapping[str, Any]:
        timing = self.engines / "timing" / f"{hash_of(self.runtime.as_json())[:12]}"
        said = {
            "kind": self.runtime.kind,
            "onnx": str(onnx.resolve()),
            "target": str(target.resolve()),
            "options": options.as_json(),
            "timing": str(timing.resolve()),
        }
        told = cast(Mapping[str, Any], self.call(said))
        kind, version = self.runtime.kind, self.runtime.version
        if "refused" in told:
            raise BuildFailed(name, f"{kind} {version}", str(told["refused"]))
        if told["version"] != version:
            reason = f"must be version {version}, got {told['version']}"
            raise BuildFailed(name, kind, reason)
        return told


def runtime_here() -> Mapping[str, object]:
    """The library and GPU that `maker_here` would build with; nothing is installed."""
    return _chosen(find_gpu()).as_json()


def _chosen(gpu: Gpu | None) -> Runtime:
    if gpu is not None and find_spec("tensorrt") is not None:
        return Runtime("tensorrt", load_api("tensorrt").version, gpu)
    return Runtime("tensorrt-rtx", RTX_VERSION, None)


def maker_here(
    home: Path, progress: Progress = silent, gpu: Gpu | None = None
) -> Maker:
    """TensorRT where it and a GPU are, else TensorRT-RTX in an environment of its own.

    Args:
        home: holds `envs` and `workshop/engines`.
        progress: told of downloads and of the phases of a build.
        gpu: None: whichever the driver names.
    """
    engines, runtime = home / "workshop" / "engines", _chosen(gpu or find_gpu())
    if runtime.kind == "tensorrt":
        called = Called("tensorrt", WORKER, progress)

        def here(request: Mapping[str, object]) -> object:
            return call_inside(Path(sys.executable), called, request, BUILD_TIMEOUT_S)

        return Maker(runtime, engines, here)
    rtx = ToolEnvironment(RTX, home / "envs", progress)

    def inside(request: Mapping[str, object]) -> object:
        return rtx.call(WORKER, request, BUILD_TIMEOUT_S)

    return Maker(runtime, engines, inside)

"""Runs one .tflite in this process: rows in, rows out, and how long it took.

Works with every package that brings LiteRT's interpreter, under any of its names, so that
one code asks the oldest and the newest. A file may take the process down with it.
"""

import os
import time
from collections.abc import Iterator, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

PACKAGES = ("ai_edge_litert.interpreter", "tflite_runtime.interpreter")

KERNELS = ("optimised", "reference")
"""Optimised: XNNPACK where the runtime has it. Reference: plain loops, no delegate."""


def answer(request: Mapping[str, Any], progress: Any) -> object:
    """Answer the rows of `request["rows"]` (.npy, [n, …]), into `request["out"]`.

    Request: `model`, `rows`, `out`, `kernels`, `threads`; `mean` and `std` where the rows
    are pixels; `raw` where they are what the input holds, and so are the answers;
    `runs`: how often the last row is timed afterwards.
    """
    _package()
    before = settled_bytes()
    interpreter = opened(
        request["model"], request.get("kernels", KERNELS[0]), request.get("threads", 1)
    )
    rows = np.load(request["rows"], mmap_mode="r")
    if "mean" in request:
        rows = _Normalised(rows, request["mean"], request["std"])
    raw = bool(request.get("raw"))
    np.save(request["out"], answered(interpreter, rows, progress, raw))
    times = timed(interpreter, int(request.get("runs", 0)))
    return {"times_ms": times, "grown_bytes": grown_bytes(before)}


class _Normalised:
    """Pixels [n, h, w, c] as the model's input, one row at a time."""

    def __init__(self, pixels: Any, mean: float, std: float) -> None:
        self._pixels, self._mean, self._std = pixels, np.float32(mean), np.float32(std)

    def __len__(self) -> int:
        return len(self._pixels)

    def __iter__(self) -> Iterator[Any]:
        for row in self._pixels:
            yield (row.astype(np.float32) - self._mean) / self._std


def opened(model: str, kernels: str = KERNELS[0], threads: int = 1) -> Any:
    """An interpreter whose tensors are allocated.

    Raises:
        ValueError: the runtime refuses the file.
        RuntimeError: the same.
    """
    interpreter = bare(model, kernels, threads)
    interpreter.allocate_tensors()
    return interpreter


def bare(model: str, kernels: str = KERNELS[0], threads: int = 1) -> Any:
    """An interpreter whose inputs may still be resized.

    Raises:
        ValueError: the runtime refuses the file.
    """
    _, module = _package()
    kinds = module.OpResolverType
    plain = kinds.BUILTIN_REF if kernels == "reference" else kinds.AUTO
    return module.Interpreter(
        model, num_threads=threads, experimental_op_resolver_type=plain
    )


def answered(interpreter: Any, rows: Any, progress: Any, raw: bool = False) -> Any:
    """What it answers to `rows` [n, …] of its one input, as float [n, …] unless `raw`."""
    found = []
    for number, row in enumerate(rows, start=1):
        feed(interpreter, row, raw)
        interpreter.invoke()
        found.append(read(interpreter, raw))
        if number % 64 == 0:
            progress("run", number, len(rows))
    progress("run", len(rows), len(rows))
    return np.stack(found)


def feed(interpreter: Any, row: Any, raw: bool = False) -> None:
    """Set the first input to one row, rounded where it is quantized."""
    said = interpreter.get_input_details()[0]
    values = np.asarray(row).reshape(said["shape"])
    if not raw:
        values = quantized(values.astype(np.float32, copy=False), said)
    interpreter.set_tensor(said["index"], values)


def quantized(values: Any, said: Mapping[str, Any]) -> Any:
    """Float `values` as the tensor `said` holds them."""
    if said["dtype"] == np.float32:
        return values
    scale, zero = said["quantization"]
    limits = np.iinfo(said["dtype"])
    steps = np.round(values / np.float32(scale)) + zero
    return np.clip(steps, limits.min, limits.max).astype(said["dtype"])


def read(interpreter: Any, raw: bool = False) -> Any:
    """The first output of the last run, without its batch dimension."""
    said = interpreter.get_output_details()[0]
    value = interpreter.get_tensor(said["index"])[0]
    if raw or said["dtype"] == np.float32:
        return value
    scale, zero = said["quantization"]
    return (value.astype(np.float32) - zero) * np.float32(scale)


def timed(interpreter: Any, runs: int) -> list[float]:
    """Milliseconds of each of `runs` runs of what was fed last."""
    found = []
    for _ in range(runs):
        started_s = time.perf_counter()
        interpreter.invoke()
        found.append(1000 * (time.perf_counter() - started_s))
    return found


def settled_bytes() -> int | None:
    """The memory of this process by now, its peak forgotten; None: not Linux."""
    try:
        # Importing peaks above what stays: 5 forgets that, see proc_pid_clear_refs(5).
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
        return _status("VmRSS")
    except OSError:
        return None


def grown_bytes(before: int | None) -> int | None:
    """By how much the peak of this process is above `before`."""
    return None if before is None else max(0, _status("VmHWM") - before)


def _status(key: str) -> int:
    for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
        name, _, value = line.partition(":")
        if name == key:
            return 1024 * int(value.split()[0])
    raise OSError(key)


def _package() -> tuple[str, Any]:
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    for name in PACKAGES:
        try:
            return name.partition(".")[0], import_module(name)
        except ImportError:
            continue
    raise ImportError(f"none of {', '.join(PACKAGES)} is installed")

"""Golden outputs: what a variant answered when it was built, and how exactly it should.

Kept as `.npz` (tensors only, never pickled): `input:NAME`, `output:NAME` and the
tolerance of each output, `tolerance:NAME`.
"""

import zipfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import onnxruntime
from numpy.typing import NDArray
from onnxruntime.capi import onnxruntime_pybind11_state as native

from configs.model import TensorSpec
from models.card import Card
from models.errors import StoreCorrupt

Array = NDArray[np.generic]
Arrays = Mapping[str, Array]

ROWS = 2

STEP = 0.25
"""Drawn floats are multiples of this, so that they take little room."""

LEAST_SHARE = 1e-4
"""Of an output's range: what reordering sums may change in FP32, with room."""

SPREADS = 3.0
"""The tolerance, in units of how far this machine's own ways of computing lie apart."""

_REFUSALS = (
    native.Fail,
    native.InvalidArgument,
    native.InvalidGraph,
    native.InvalidProtobuf,
    native.NotImplemented,
    native.RuntimeException,
)

_DRAWN: Mapping[str, type[np.generic]] = {
    "FP32": np.float32,
    "FP16": np.float16,
    "FP64": np.float64,
    "UINT8": np.uint8,
    "INT8": np.int8,
    "INT32": np.int32,
    "INT64": np.int64,
}


def record(card: Card, model: Path, target: Path) -> bool:
    """Write what `model` answers to a few drawn rows; False: nothing can be drawn for it.

    The tolerance is measured: one row at a time, all at once, and without any fused
    kernel are ways of computing the same. An INT8 variant that another version of the
    runtime computes in another order may differ by as much.
    """
    if card.form != "onnx" or not _is_drawable(card):
        return False
    asked = {spec.name: _draw(spec, seed) for seed, spec in enumerate(card.inputs)}
    try:
        wanted = _answer(model, asked)
        others = (_row_by_row(model, asked), _answer(model, asked, fused=False))
    except _REFUSALS:  # it wants more of its input than a type and a shape
        return False
    held = {f"input:{name}": rows for name, rows in asked.items()}
    held |= {f"output:{name}": rows for name, rows in wanted.items()}
    for name, rows in wanted.items():
        apart = max(_apart(other[name], rows) for other in others)
        least = LEAST_SHARE * float(np.ptp(rows.astype(np.float64)))
        held[f"tolerance:{name}"] = np.float64(max(least, SPREADS * apart))
    with target.open("wb") as file:
        np.savez_compressed(file, allow_pickle=False, **held)
    return True


def differences(model: Path, golden: Path) -> list[str]:
    """Each output that is no longer what it was, in words; none: all are.

    Raises:
        StoreCorrupt: the golden file cannot be read.
    """
    held = _read(golden)
    try:
        found = _answer(model, _of(held, "input"))
    except _REFUSALS as error:
        return [f"it does not run: {str(error).splitlines()[0]}"]
    tolerance, told = _of(held, "tolerance"), []
    for name, wanted in _of(held, "output").items():
        apart, allowed = _apart(found.get(name), wanted), float(tolerance[name])
        if not apart <= allowed:  # also catches NaN
            told.append(
                f"{name} is off by {apart:.2g}, at most {allowed:.2g} is allowed"
            )
    return told


def inputs(golden: Path) -> dict[str, Array]:
    """The drawn rows of each input.

    Raises:
        StoreCorrupt: the golden file cannot be read.
    """
    return dict(_of(_read(golden), "input"))


def _is_drawable(card: Card) -> bool:
    fixed = all(-1 not in spec.shape for spec in card.inputs)
    return fixed and all(s.datatype in _DRAWN for s in (*card.inputs, *card.outputs))


def _draw(spec: TensorSpec, seed: int) -> Array:
    draw, kind = np.random.default_rng(seed), _DRAWN[spec.datatype]
    shape = (ROWS, *spec.shape)
    if issubclass(kind, np.floating):
        return (STEP * np.round(draw.normal(size=shape) / STEP)).astype(kind)
    return draw.integers(0, 2, shape).astype(kind)


def _row_by_row(model: Path, asked: Arrays) -> Arrays:
    rows = [
        _answer(model, {name: held[row : row + 1] for name, held in asked.items()})
        for row in range(ROWS)
    ]
    return {name: np.concatenate([one[name] for one in rows]) for name in rows[0]}


def _answer(model: Path, asked: Arrays, fused: bool = True) -> Arrays:
    options = onnxruntime.SessionOptions()
    options.log_severity_level, options.intra_op_num_threads = 3, 1
    if not fused:
        level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
        options.graph_optimization_level = level
    session = onnxruntime.InferenceSession(
        str(model), options, providers=["CPUExecutionProvider"]
    )
    names = [output.name for output in session.get_outputs()]
    return dict(zip(names, session.run(names, dict(asked)), strict=True))


def _apart(found: Array | None, wanted: Array) -> float:
    if found is None or found.shape != wanted.shape:
        return float("inf")
    return float(np.abs(found.astype(np.float64) - wanted.astype(np.float64)).max())


def _of(held: Arrays, kind: str) -> Arrays:
    prefix = f"{kind}:"
    return {
        name.removeprefix(prefix): held[name]
        for name in held
        if name.startswith(prefix)
    }


def _read(golden: Path) -> Arrays:
    try:
        with np.load(golden, allow_pickle=False) as held:
            return dict(held)
    except (ValueError, zipfile.BadZipFile) as error:
        raise StoreCorrupt(golden.name, "is no golden file") from error

"""An ONNX file of somebody else: checked, opened, run twice, held against classes."""

from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from onnxruntime.capi import onnxruntime_pybind11_state as native

from configs.device import DeviceSpec
from edge.importing.drawn import Array, check_answers, draw, kept, summary
from edge.importing.onnx_classes import End, verdict
from edge.importing.onnx_reading import described, loaded
from edge.importing.refusals import Refused, first_line

DTYPES: Mapping[str, type[np.generic]] = {
    "tensor(float)": np.float32,
    "tensor(float16)": np.float16,
    "tensor(double)": np.float64,
    "tensor(uint8)": np.uint8,
    "tensor(int8)": np.int8,
    "tensor(int32)": np.int32,
    "tensor(int64)": np.int64,
    "tensor(bool)": np.bool_,
}

_REFUSALS = (
    native.Fail,
    native.InvalidArgument,
    native.InvalidGraph,
    native.InvalidProtobuf,
    native.NoSuchFile,
    native.NotImplemented,
    native.RuntimeException,
)


def inspect(
    file: Path, devices: Mapping[str, DeviceSpec], golden: str | None
) -> dict[str, object]:
    """What the file takes, gives and holds, and where it would run.

    Raises:
        Refused: it is damaged, or the runtime cannot run it.
    """
    model = loaded(file)
    session, inputs, outputs = _ran(file)
    kept(golden, inputs, outputs)
    ends = {
        "inputs": [_end(node) for node in session.get_inputs()],
        "outputs": [_end(node) for node in session.get_outputs()],
    }
    said = described(model, tuple(_held(ends)), file.stat().st_size)
    return {
        "format": "onnx",
        "operators": _operators(model),
        **ends,
        "golden": [summary(name, value) for name, value in outputs.items()],
        "classes": {
            name.replace("-", "_"): dict(verdict(said, device))
            for name, device in devices.items()
        },
    }


def _ran(file: Path) -> tuple[Any, dict[str, Array], dict[str, Array]]:
    """A session, drawn inputs, and what it answers to them twice."""
    options = onnxruntime.SessionOptions()
    options.log_severity_level, options.intra_op_num_threads = 4, 1
    try:
        session = onnxruntime.InferenceSession(
            str(file), options, providers=["CPUExecutionProvider"]
        )
        inputs = _inputs(session)
        outputs, again = _run(session, inputs), _run(session, inputs)
    except _REFUSALS as error:
        raise Refused("does_not_run", first_line(error)) from error
    check_answers(outputs, again)
    return session, inputs, outputs


def _operators(model: Any) -> list[dict[str, object]]:
    domains = {one.domain: one.version for one in model.opset_import}
    counted = Counter((node.op_type, node.domain) for node in model.graph.node)
    return [
        {"operator": name, "version": domains.get(domain, 0), "count": count}
        for (name, domain), count in sorted(counted.items())
    ]


def _held(ends: Mapping[str, list[dict[str, Any]]]) -> Iterator[End]:
    for which, held in ends.items():
        for one in held:
            yield End(which.removesuffix("s"), one["datatype"], tuple(one["shape"]))


def _inputs(session: Any) -> dict[str, Array]:
    """Drawn for every input; a dimension that varies is taken as one."""
    found = {}
    for number, node in enumerate(session.get_inputs()):
        if node.type not in DTYPES:
            raise Refused("unknown_type", f"{node.name} is of type {node.type}")
        shape = [size if isinstance(size, int) else 1 for size in node.shape]
        found[node.name] = draw(shape, np.dtype(DTYPES[node.type]), number)
    return found


def _run(session: Any, inputs: Mapping[str, Array]) -> dict[str, Array]:
    names = [node.name for node in session.get_outputs()]
    return dict(zip(names, session.run(names, dict(inputs)), strict=True))


def _end(node: Any) -> dict[str, object]:
    kind = DTYPES.get(node.type)
    shape = [size if isinstance(size, int) else None for size in node.shape]
    datatype = node.type if kind is None else np.dtype(kind).name
    return {"name": node.name, "shape": shape, "datatype": datatype}

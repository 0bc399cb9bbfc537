"""A .tflite file of somebody else: read, allocated, run twice."""

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from configs.device import DeviceSpec
from edge.importing.drawn import Array, check_answers, draw, kept, summary
from edge.importing.refusals import Refused, first_line
from edge.readiness.classes import readiness
from models.errors import BadModelFile
from models.litert.graph import Graph
from models.litert.reading import read_file
from models.litert.versions import oldest_runtime
from models.litert.workers.running import bare

SIZES = (1, 16, 256, 2048)
"""What a varying dimension is tried with, in this order, until the file runs."""


def inspect(
    file: Path, devices: Mapping[str, DeviceSpec], golden: str | None
) -> dict[str, object]:
    """What the file takes, gives, holds, and where it would run.

    Raises:
        Refused: it is damaged, or the runtime cannot run it.
    """
    try:
        graph = read_file(file)
    except BadModelFile as error:
        raise Refused(error.code, error.detail) from error
    size = file.stat().st_size
    classes = {
        name.replace("-", "_"): dict(readiness(graph, device, size).as_json())
        for name, device in devices.items()
    }
    return {
        "format": "tflite",
        "operators": _operators(graph),
        "oldest_runtime": oldest_runtime(graph),
        **_answers(file, graph, golden),
        "classes": classes,
    }


def _operators(graph: Graph) -> list[dict[str, object]]:
    counted = Counter((op.custom or op.name, op.version) for op in graph.ops)
    return [
        {"operator": name, "version": version, "count": count}
        for (name, version), count in sorted(counted.items())
    ]


def _answers(file: Path, graph: Graph, golden: str | None) -> dict[str, object]:
    custom = sorted({op.custom for op in graph.ops if op.custom})
    if custom:
        raise Refused("custom_operator", f"nothing here has {', '.join(custom)}")
    varies = any(-1 in tensor.signature[1:] for tensor in graph.of(graph.inputs))
    failures = list[Refused]()
    for size in SIZES if varies else SIZES[:1]:
        try:
            return _answers_at(file, size, golden)
        except Refused as refused:
            failures.append(refused)
    raise failures[0]


def _answers_at(file: Path, size: int, golden: str | None) -> dict[str, object]:
    """What it answers twice; a file with a state of its own starts anew each time."""
    try:
        interpreter = _opened(file, size)
        inputs = _inputs(interpreter)
        outputs, again = _run(interpreter, inputs), _run(_opened(file, size), inputs)
    except (ValueError, RuntimeError, MemoryError) as error:
        raise Refused("does_not_run", first_line(error)) from error
    check_answers(outputs, again)
    kept(golden, inputs, outputs)
    return {
        "inputs": [_end(said) for said in interpreter.get_input_details()],
        "outputs": [_end(said) for said in interpreter.get_output_details()],
        "golden": [summary(name, value) for name, value in outputs.items()],
    }


def _opened(file: Path, size: int) -> Any:
    """An interpreter whose varying dimensions are `size`, the first one."""
    interpreter = bare(str(file))
    for said in interpreter.get_input_details():
        wanted = [int(one) for one in said["shape_signature"]]
        if -1 in wanted:
            first, *others = wanted
            shape = [max(1, first), *(size if one == -1 else one for one in others)]
            interpreter.resize_tensor_input(said["index"], shape)
    interpreter.allocate_tensors()
    return interpreter


def _inputs(interpreter: Any) -> dict[str, Array]:
    return {
        said["name"]: draw(tuple(said["shape"]), np.dtype(said["dtype"]), number)
        for number, said in enumerate(interpreter.get_input_details())
    }


def _run(interpreter: Any, inputs: Mapping[str, Array]) -> dict[str, Array]:
    for said in interpreter.get_input_details():
        interpreter.set_tensor(said["index"], inputs[said["name"]])
    interpreter.invoke()
    return {
        said["name"]: interpreter.get_tensor(said["index"])
        for said in interpreter.get_output_details()
    }


def _end(said: Mapping[str, Any]) -> dict[str, object]:
    scale, zero = said["quantization"]
    return {
        "name": said["name"],
        "shape": [int(size) for size in said["shape"]],
        "datatype": np.dtype(said["dtype"]).name,
        "scale": float(scale) or None,
        "zero_point": int(zero) if scale else None,
    }

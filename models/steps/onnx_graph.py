"""ONNX files as steps take and leave them: sound going in, checked coming out."""

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import numpy_helper

from models.errors import BuildFailed
from models.evaluate import snr_db
from models.recipes.bench import Bench
from models.recipes.pieces import Piece
from models.runtime import Runner

EXAMPLE_ROWS = 3
_FLOATS = {
    onnx.TensorProto.FLOAT: np.float32,
    onnx.TensorProto.FLOAT16: np.float16,
    onnx.TensorProto.DOUBLE: np.float64,
}
_QUANTIZED = {"QuantizeLinear", "DequantizeLinear", "MatMulNBits", "ConvInteger"}


class Loaded(NamedTuple):
    """A model, and the file it was read from."""

    model: onnx.ModelProto
    file: Path


def load_sound(step: str, piece: Piece | None, bench: Bench) -> Loaded:
    """The model of `piece`, not quantized yet.

    Raises:
        BuildFailed: it is no ONNX, cannot be read, has weights that are no numbers, or
            is quantized already.
    """
    loaded = load_finite(step, piece, bench)
    quantized = _QUANTIZED & {node.op_type for node in loaded.model.graph.node}
    if quantized:
        reason = f"the source is quantized already: it has {sorted(quantized)[0]}"
        raise BuildFailed(bench.recipe.id, step, reason)
    return loaded


def load_finite(step: str, piece: Piece | None, bench: Bench) -> Loaded:
    """The model of `piece`.

    Raises:
        BuildFailed: it is no ONNX, cannot be read, or has weights that are no numbers.
    """
    if piece is None or not piece.is_onnx:
        reason = "the source must be ONNX; put a step `export` before"
        raise BuildFailed(bench.recipe.id, step, reason)
    try:
        model = onnx.load(piece.onnx)
    except Exception as error:
        reason = f"the source cannot be read: {_first_line(error)}"
        raise BuildFailed(bench.recipe.id, step, reason) from error
    name = not_finite(model)
    if name is not None:
        reason = f"the source's weight {name} holds NaN or infinity"
        raise BuildFailed(bench.recipe.id, step, reason)
    return Loaded(model, piece.onnx)


def not_finite(model: onnx.ModelProto) -> str | None:
    """The name of the first constant that holds NaN or infinity; None: all are sound."""
    held = [(tensor.name, tensor) for tensor in model.graph.initializer]
    held += [
        (node.output[0], one.t)
        for node in model.graph.node
        if node.op_type == "Constant"
        for one in node.attribute
        if one.name == "value"
    ]
    for name, tensor in held:
        # An infinite scalar is a bound of Clip, not a weight.
        if tensor.data_type not in _FLOATS:
            continue
        values = numpy_helper.to_array(tensor)
        if np.isnan(values).any() or (values.ndim and np.isinf(values).any()):
            return str(name)
    return None


def store(step: str, model: onnx.ModelProto, target: Path, bench: Bench) -> Path:
    """Save `model` as the piece in `target` and `check` it."""
    file = Piece(target).onnx
    onnx.save(model, file)
    return check(step, file, bench)


def check(step: str, file: Path, bench: Bench) -> Path:
    """Hold `file` to the ONNX checker with shape inference, and open it once.

    Raises:
        BuildFailed: it is not valid ONNX, or an operator has no kernel here.
    """
    try:
        onnx.checker.check_model(str(file), full_check=True)
    except (
        onnx.checker.ValidationError,
        onnx.shape_inference.InferenceError,
        ValueError,
    ) as error:
        reason = f"the result is not valid ONNX: {_first_line(error)}"
        raise BuildFailed(bench.recipe.id, step, reason) from error
    try:
        Runner(file)
    except Exception as error:
        reason = f"ONNX Runtime cannot run the result: {_first_line(error)}"
        raise BuildFailed(bench.recipe.id, step, reason) from error
    return file


def changed(before: Path, after: Path, seed: int) -> Mapping[str, object]:
    """What a step did to a model: sizes, operators, and how far the answers moved."""
    wanted, got = answers(before, seed), answers(after, seed)
    apart = np.abs(wanted.astype(np.float64) - got)
    return {
        "size_bytes": {"before": before.stat().st_size, "after": after.stat().st_size},
        "operators": {"before": operators(before), "after": operators(after)},
        "largest_difference": float(apart.max(initial=0.0)),
        "snr_db": snr_db(wanted, got),
    }


def operators(file: Path) -> Mapping[str, int]:
    """How many nodes of each kind the graph has."""
    graph = onnx.load(file, load_external_data=False).graph
    return dict(sorted(Counter(node.op_type for node in graph.node).items()))


def answers(file: Path, seed: int) -> NDArray[np.float32]:
    """The first output for inputs drawn from `seed`; -1 in a shape becomes 1."""
    runner, draw = Runner(file), np.random.default_rng(seed)
    feeds = {
        name: _drawn(draw, datatype, (EXAMPLE_ROWS, *(abs(n) for n in shape[1:])))
        for name, datatype, shape in runner.inputs()
    }
    return runner.answers(feeds)[0].astype(np.float32)


def _drawn(
    draw: np.random.Generator, datatype: str, shape: tuple[int, ...]
) -> NDArray[Any]:
    kinds = {"FP16": np.float16, "FP64": np.float64, "INT64": np.int64}
    kinds |= {"INT32": np.int32, "UINT8": np.uint8, "INT8": np.int8}
    if datatype.startswith("FP"):
        drawn = draw.uniform(-1, 1, shape)
        return drawn.astype(kinds.get(datatype, np.float32))
    return draw.integers(0, 2, shape).astype(kinds.get(datatype, np.bool_))


def _first_line(error: BaseException) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]

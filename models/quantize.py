"""FP32 ONNX → INT8 in QDQ form, by static calibration on photos.

Style `cpu`: activations are UINT8 a tensor, weights INT8 a channel (U8S8), of what ONNX
Runtime runs on CPU the fastest. Where the CPU saturates (`models.machine`) weights keep
7 bits. Style `tensorrt`: both are symmetric INT8, and only inputs of layers are
quantized, as GPU compilers want it. What rounding the weights does to the means of the
outputs is taken back (`models.bias`). Ranges are found once (`calibrate`), and any number
of forms written from them.
"""

import io
import logging
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from configs.model import CalibrationSpec, FrontEnd, ModelSpec
from models.errors import BuildFailed
from models.imaging import Pixels, normalise
from models.progress import Progress, silent
from models.runtime import Runner

Floats = NDArray[np.float32]
Style = Literal["cpu", "tensorrt"]

MAX_BATCH, MAX_KEPT_BATCHES = 16, 8
MAX_HISTOGRAM_BATCHES = 2
"""Histograms are made of whole activations: 27 MB a photo of EfficientNet-Lite0."""

ACTIVATIONS, WEIGHTS = "uint8 per tensor, asymmetric", "int8 per channel, symmetric"
MATRIX_LAYERS = ("Conv", "Gemm", "MatMul")


@dataclass(frozen=True, slots=True)
class Calibration:
    """The photos and the way in which activation ranges are found on them."""

    spec: CalibrationSpec
    image: FrontEnd
    crops: Pixels
    reduce_range: bool


@dataclass(frozen=True, slots=True)
class Int8Form:
    """What becomes INT8, and how; `only` and `keep_float` are names of nodes.

    An empty `only` means all that the quantizer can.
    """

    reduce_range: bool
    per_channel: bool = True
    bias_correction: bool = True
    style: Style = "cpu"
    keep_float: tuple[str, ...] = ()
    only: tuple[str, ...] = ()


def to_int8(
    spec: ModelSpec,
    source: Path,
    target: Path,
    calibration: Calibration,
    progress: Progress = silent,
) -> None:
    """Write the INT8 form of the FP32 model `source` to `target`.

    Raises:
        BuildFailed: the build libraries are not installed, or the photos do not fit.
    """
    with tempfile.TemporaryDirectory(dir=target.parent) as scratch:
        found = calibrate(spec.id, source, Path(scratch), calibration, progress)
        found.write(target, Int8Form(calibration.reduce_range))


def calibrate(
    model: str,
    source: Path,
    scratch: Path,
    calibration: Calibration,
    progress: Progress = silent,
) -> "Calibrated":
    """Prepare `source` and find the ranges of its activations.

    Raises:
        BuildFailed: the build libraries are not installed, or the photos do not fit.
    """
    try:
        from onnxruntime.quantization import quant_pre_process

        import models.bias  # noqa: F401
    except ImportError as error:
        reason = f"{error.name} is missing: install headwater[build]"
        raise BuildFailed(model, "quantization", reason) from error
    _check_photos(model, source, calibration)
    prepared = scratch / "prepared.onnx"
    with _quiet():
        quant_pre_process(source, prepared, skip_symbolic_shape=True)
        _name_nodes(prepared)
        ranges = _ranges(prepared, scratch, calibration, progress)
    return Calibrated(prepared, ranges, calibration)


class Calibrated:
    """An FP32 model whose activation ranges are known; `file` is it, made ready.

    `file` must outlive this.
    """

    def __init__(self, file: Path, ranges: object, calibration: Calibration) -> None:
        self.file, self._ranges, self._calibration = file, ranges, calibration

    def write(self, target: Path, form: Int8Form) -> None:
        """Write one INT8 form of the model to `target`."""
        from onnxruntime.quantization.quant_utils import load_model_with_shape_infer

        from models.bias import correct_with

        with _quiet():
            quantizer = _quantizer(
                load_model_with_shape_infer(self.file), self._ranges, form
            )
            quantizer.quantize_model()
            quantizer.model.save_model_to_file(str(target), False)
            if form.bias_correction:
                correct_with(self._input_means, self.file, target)

    @cached_property
    def _input_means(self) -> Mapping[str, NDArray[np.float64]]:
        from models.bias import input_means

        return input_means(self.file, _batches(self._calibration))


def _quantizer(model: object, ranges: object, form: Int8Form) -> Any:
    from onnxruntime.quantization import QDQQuantizer, QuantType

    for_gpu = form.style == "tensorrt"
    exact = depthwise_weights(model) if form.reduce_range and not for_gpu else ()
    full = {"quant_type": QuantType.QInt8, "axis": 0, "reduce_range": False}
    symmetric = {
        "ActivationSymmetric": True,
        "WeightSymmetric": True,
        "QuantizeBias": False,
        "AddQDQPairToWeight": True,
        "OpTypesToExcludeOutputQuantization": list(MATRIX_LAYERS),
    }
    overrides = {"TensorQuantOverrides": {name: [dict(full)] for name in exact}}
    return QDQQuantizer(
        model,
        form.per_channel,
        form.reduce_range and not for_gpu,
        QuantType.QInt8,
        QuantType.QInt8 if for_gpu else QuantType.QUInt8,
        ranges,
        list(form.only),
        list(form.keep_float),
        list(MATRIX_LAYERS) if for_gpu else known_operators(),
        symmetric if for_gpu else overrides,
    )


def known_operators() -> list[str]:
    """The operators that the quantizer knows."""
    from onnxruntime.quantization.registry import QDQRegistry, QLinearOpsRegistry

    return sorted({*QDQRegistry, *QLinearOpsRegistry})


def depthwise_weights(model: Any) -> tuple[str, ...]:
    """The weights of depthwise convolutions, which need not give up a bit.

    ONNX Runtime computes these in 16 and 32 bits on any x86 CPU (MLAS,
    `MlasConvDepthwiseKernelAvx2`), so they do not saturate. `model`: a file or loaded.
    """
    import onnx

    graph = (onnx.load(model) if isinstance(model, Path) else model).graph
    shapes = {held.name: tuple(held.dims) for held in graph.initializer}
    groups = {
        node.input[1]: one.i
        for node in graph.node
        if node.op_type == "Conv"
        for one in node.attribute
        if one.name == "group"
    }
    return tuple(
        name
        for name, count in groups.items()
        if count > 1 and shapes.get(name, ())[:2] == (count, 1)
    )


def _check_photos(model: str, source: Path, calibration: Calibration) -> None:
    """Refuse photos that are none, or not what the model takes."""
    crops, (name, _, shape) = calibration.crops, Runner(source).tensors()[0]
    if len(crops) == 0:
        reason = f"{calibration.spec.dataset} has no photos to calibrate on"
        raise BuildFailed(model, "quantization", reason)
    rows = (crops.shape[3], *crops.shape[1:3]) if crops.ndim == 4 else crops.shape[1:]
    wanted = shape[1:]
    fits = len(rows) == len(wanted) and all(
        size in (-1, got) for size, got in zip(wanted, rows, strict=True)
    )
    if not fits:
        reason = f"{name} takes rows of {list(wanted)}, {calibration.spec.dataset} "
        raise BuildFailed(model, "quantization", f"{reason}gives {list(rows)}")


def _name_nodes(file: Path) -> None:
    """Give every node a name of its own; layers are told apart by it."""
    import onnx

    model, taken = onnx.load(file), set[str]()
    for place, node in enumerate(model.graph.node):
        if not node.name or node.name in taken:
            node.name = f"{node.op_type}_{place}"
        taken.add(node.name)
    onnx.save(model, file)


def _ranges(
    prepared: Path, scratch: Path, calibration: Calibration, progress: Progress
) -> object:
    from onnxruntime.quantization import CalibrationMethod, create_calibrator

    method, minmax = calibration.spec.method, calibration.spec.method == "minmax"
    calibrator = create_calibrator(
        prepared,
        known_operators(),
        augmented_model_path=str(scratch / "augmented.onnx"),
        calibrate_method={
            "minmax": CalibrationMethod.MinMax,
            "entropy": CalibrationMethod.Entropy,
            "percentile": CalibrationMethod.Percentile,
        }[method],
        extra_options={} if minmax else {"percentile": calibration.spec.percentile},
    )
    # Memory is bounded by handing photos out in turns: the calibrator's own limit,
    # `max_intermediate_outputs`, forgets what it drops (onnxruntime 1.31).
    reader = _Reader(Runner(prepared).tensors()[0][0], calibration, progress)
    while reader.refill(MAX_KEPT_BATCHES if minmax else MAX_HISTOGRAM_BATCHES):
        calibrator.collect_data(reader)
    return calibrator.compute_data()


def _batches(calibration: Calibration) -> Iterator[Floats]:
    for start in range(0, len(calibration.crops), MAX_BATCH):
        yield normalise(calibration.crops[start : start + MAX_BATCH], calibration.image)


class _Reader:
    """Hands the photos out in batches, some at a time, as ONNX Runtime's calibrators ask."""

    def __init__(
        self, input_name: str, calibration: Calibration, progress: Progress
    ) -> None:
        self._input, self._calibration = input_name, calibration
        self._progress, self._next, self._end = progress, 0, 0
        count = len(calibration.crops)
        # The histogram calibrators cannot take a last batch of another size.
        self._batch = max(n for n in range(1, MAX_BATCH + 1) if count % n == 0)

    def refill(self, batches: int) -> bool:
        """Allow so many more batches; False after the last."""
        self._end = self._next + batches * self._batch
        return self._next < len(self._calibration.crops)

    def get_next(self) -> dict[str, Floats] | None:
        """The next batch by input name; None after the last that is allowed."""
        end = min(self._next + self._batch, self._end)
        crops = self._calibration.crops[self._next : end]
        if len(crops) == 0:
            return None
        self._next += len(crops)
        self._progress("calibrate", self._next, len(self._calibration.crops))
        return {self._input: normalise(crops, self._calibration.image)}


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep the quantizer's prints and its advice to the root logger off the terminal."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with redirect_stdout(io.StringIO()):
            yield
    finally:
        logging.disable(before)

"""Bias correction: taking back the mean error that rounded weights cause.

A rounded weight is off by `d`, so its output is off by `d · x`; over many inputs that
error has a mean, `d · mean(x)`, which each channel's bias can take back for nothing at
run time. Nagel et al., "Data-Free Quantization Through Weight Equalization and Bias
Correction" (2019), section 4.2, with the means measured on the calibration photos.
Padding is left out of the means, as in the paper. Importing this imports onnx.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import numpy_helper

from models.runtime import Runner

Array = NDArray[Any]
Doubles = NDArray[np.float64]

_LAYERS = ("Conv", "Gemm")


def correct_biases(fp32: Path, int8: Path, batches: Iterable[Array]) -> int:
    """Mend the biases of the QDQ model `int8` in place; return how many were mended.

    Args:
        fp32: what `int8` was made from; its layers have the same names.
        int8: layers without a quantized weight or a bias are left as they are.
        batches: inputs of the model, [n, …] each.
    """
    return correct_with(input_means(fp32, batches), fp32, int8)


def correct_with(means: Mapping[str, Doubles], fp32: Path, int8: Path) -> int:
    """`correct_biases`, with the `input_means` of `fp32` as they were found before."""
    source, target = onnx.load(fp32), onnx.load(int8)
    originals = {node.name: node for node in _layers(source)}
    weights = {held.name: held for held in source.graph.initializer}
    quantized = _Quantized(target)
    mended = 0
    for node in _layers(target):
        original = originals.get(node.name)
        if original is None or not quantized.holds(node):
            continue
        wanted = numpy_helper.to_array(weights[original.input[1]])
        off = quantized.value(node.input[1]) - wanted
        error = mean_error(original, off, means[original.input[0]])
        quantized.shift(node.input[2], -error)
        mended += 1
    onnx.save(target, int8)
    return mended


def input_means(fp32: Path, batches: Iterable[Array]) -> Mapping[str, Doubles]:
    """The mean of each channel of what goes into each layer of the model `fp32`."""
    model = onnx.load(fp32)
    own = {tensor.name for tensor in model.graph.input}
    for name in sorted({node.input[0] for node in _layers(model)} - own):
        tap = onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, None)
        model.graph.output.append(tap)
    runner = Runner(model.SerializeToString())
    sums: dict[str, Doubles] = {}
    rows = 0
    for batch in batches:
        rows += len(batch)
        for name, values in runner.tensors_for(batch).items():
            flat = values.reshape(*values.shape[:2], -1).mean(axis=2, dtype=np.float64)
            sums[name] = sums.get(name, 0.0) + flat.sum(axis=0)
    return {name: total / rows for name, total in sums.items()}


def mean_error(layer: onnx.NodeProto, off: Doubles, mean: Doubles) -> Doubles:
    """The mean error of each output channel when the weights are `off` by that much.

    Args:
        layer: a Conv or a Gemm.
        off: of the shape of the layer's weights.
        mean: of each input channel.
    """
    attributes = {one.name: one.i for one in layer.attribute}
    if layer.op_type == "Gemm":
        return off @ mean if attributes.get("transB") else mean @ off
    groups = attributes.get("group", 1)
    taps = off.sum(axis=tuple(range(2, off.ndim)))
    parted = taps.reshape(groups, -1, taps.shape[1])
    error: Doubles = (parted * mean.reshape(groups, 1, -1)).sum(axis=2).ravel()
    return error


def _layers(model: onnx.ModelProto) -> list[onnx.NodeProto]:
    return [
        node
        for node in model.graph.node
        if node.op_type in _LAYERS and len(node.input) > 2
    ]


class _Quantized:
    """The initialisers of a QDQ model behind their DequantizeLinear nodes."""

    def __init__(self, model: onnx.ModelProto) -> None:
        self._held = {held.name: held for held in model.graph.initializer}
        # A weight may be held in float, with both nodes of the pair behind it.
        self._rounded = {
            node.output[0]: node.input[0]
            for node in model.graph.node
            if node.op_type == "QuantizeLinear" and node.input[0] in self._held
        }
        self._nodes = {
            node.output[0]: node
            for node in model.graph.node
            if node.op_type == "DequantizeLinear"
            and (node.input[0] in self._held or node.input[0] in self._rounded)
        }

    def holds(self, layer: onnx.NodeProto) -> bool:
        """Whether the weight of `layer` is a quantized constant and its bias one too.

        The bias may also be a constant in float.
        """
        weight, bias = layer.input[1], layer.input[2]
        return weight in self._nodes and (bias in self._nodes or bias in self._held)

    def value(self, name: str) -> Doubles:
        """What DequantizeLinear makes of the constant behind `name` (symmetric)."""
        stored, scale = self._parts(name)
        return stored.astype(np.float64) * scale

    def shift(self, name: str, by: Doubles) -> None:
        """Add `by` to the bias behind `name`; to an INT32, by whole steps of its scale."""
        if name in self._held:
            held = self._held[name]
            exact = numpy_helper.to_array(held) + by.astype(np.float32)
            held.CopyFrom(numpy_helper.from_array(exact, name))
            return
        stored, scale = self._parts(name)
        limits = np.iinfo(np.int32)
        moved = np.rint(stored.astype(np.float64) + by / scale)
        held = self._held[self._nodes[name].input[0]]
        bounded = moved.clip(limits.min, limits.max).astype(np.int32)
        held.CopyFrom(numpy_helper.from_array(bounded, held.name))

    def _parts(self, name: str) -> tuple[Array, Doubles]:
        """The whole numbers behind `name`, and their scale in a shape that fits."""
        node = self._nodes[name]
        scale = numpy_helper.to_array(self._held[node.input[1]]).astype(np.float64)
        held = self._held[self._rounded.get(node.input[0], node.input[0])]
        stored = numpy_helper.to_array(held)
        if scale.ndim:
            axis = next((one.i for one in node.attribute if one.name == "axis"), 1)
            shape = [1] * stored.ndim
            shape[axis] = -1
            scale = scale.reshape(shape)
        if node.input[0] in self._rounded:
            stored = np.rint(stored / scale).clip(-128, 127)
        return stored, scale

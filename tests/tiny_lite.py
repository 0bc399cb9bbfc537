"""Small .tflite files, written operator by operator."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import flatbuffers
import numpy as np
from numpy.typing import NDArray

from models.litert.schema import schema

SIDE, CHANNELS, WIDTH, CLASSES = 8, 3, 4, 4
INPUT_SCALE, INPUT_ZERO = 1 / 128, -1


class LiteFile:
    """A file in the making; `tensor` and `op` give what the next call may name."""

    def __init__(self) -> None:
        kinds = schema()
        self.model, self.graph = kinds.ModelT(), kinds.SubGraphT()
        self.model.version, self.model.description = 3, b"test"
        self.model.operatorCodes, self.model.buffers = [], [kinds.BufferT()]
        self.model.subgraphs = [self.graph]
        self.graph.name, self.graph.tensors, self.graph.operators = b"main", [], []

    def tensor(
        self,
        shape: Sequence[int],
        datatype: str = "INT8",
        data: NDArray[Any] | None = None,
        scales: Sequence[float] = (),
        zeros: Sequence[int] = (),
        axis: int = 0,
    ) -> int:
        """One more tensor, with its value where `data` is given; its index."""
        kinds = schema()
        made = kinds.TensorT()
        made.name = f"tensor-{len(self.graph.tensors)}".encode()
        made.shape, made.type = list(shape), getattr(kinds.TensorType, datatype)
        made.buffer = 0
        if data is not None:
            buffer = kinds.BufferT()
            buffer.data = np.frombuffer(np.ascontiguousarray(data).tobytes(), np.uint8)
            self.model.buffers.append(buffer)
            made.buffer = len(self.model.buffers) - 1
        if scales:
            made.quantization = kinds.QuantizationParametersT()
            made.quantization.scale = list(scales)
            made.quantization.zeroPoint = list(zeros or [0] * len(scales))
            made.quantization.quantizedDimension = axis
        self.graph.tensors.append(made)
        return len(self.graph.tensors) - 1

    def op(
        self,
        name: str,
        inputs: Sequence[int],
        outputs: Sequence[int],
        version: int = 1,
        table: str | None = None,
        **options: object,
    ) -> None:
        """One more operator; `options` are attributes of the generated `<table>T`."""
        kinds = schema()
        code, made = kinds.OperatorCodeT(), kinds.OperatorT()
        code.builtinCode = getattr(kinds.BuiltinOperator, name)
        code.deprecatedBuiltinCode, code.version = min(code.builtinCode, 127), version
        if name == "CUSTOM":
            code.customCode = str(options.pop("custom")).encode()
        self.model.operatorCodes.append(code)
        made.opcodeIndex = len(self.model.operatorCodes) - 1
        made.inputs, made.outputs = list(inputs), list(outputs)
        if table is not None:
            made.builtinOptionsType = getattr(kinds.BuiltinOptions, table)
            made.builtinOptions = getattr(kinds, f"{table}T")()
            for key, value in options.items():
                setattr(made.builtinOptions, key, value)
        self.graph.operators.append(made)

    def content(self, inputs: Sequence[int], outputs: Sequence[int]) -> bytes:
        """The file, whose graph goes from `inputs` to `outputs`."""
        self.graph.inputs, self.graph.outputs = list(inputs), list(outputs)
        signature = schema().SignatureDefT()
        signature.signatureKey, signature.subgraphIndex = b"serve", 0
        signature.inputs = [_named(b"image", index) for index in inputs]
        signature.outputs = [_named(b"logits", index) for index in outputs]
        self.model.signatureDefs = [signature]
        builder = flatbuffers.Builder(1024)
        builder.Finish(self.model.Pack(builder), b"TFL3")
        return bytes(builder.Output())


def _named(name: bytes, index: int) -> Any:
    made = schema().TensorMapT()
    made.name, made.tensorIndex = name, index
    return made


def tiny_float(seed: int = 0, dead_channel: bool = False) -> bytes:
    """A convolution, a mean and a fully connected layer in float; NHWC 8x8x3 → 4."""
    draw, file = np.random.default_rng(seed), LiteFile()
    weights = draw.normal(size=(WIDTH, 3, 3, CHANNELS)).astype(np.float32)
    if dead_channel:
        weights[1] = 1e-12
    full = draw.normal(size=(CLASSES, WIDTH)).astype(np.float32)
    image = file.tensor((1, SIDE, SIDE, CHANNELS), "FLOAT32")
    kernel = file.tensor(weights.shape, "FLOAT32", weights)
    bias = file.tensor((WIDTH,), "FLOAT32", np.ones(WIDTH, np.float32))
    seen = file.tensor((1, SIDE, SIDE, WIDTH), "FLOAT32")
    file.op("CONV_2D", [image, kernel, bias], [seen], 1, "Conv2DOptions",
            strideH=1, strideW=1, fusedActivationFunction=3)  # fmt: skip
    axes = file.tensor((2,), "INT32", np.array([1, 2], np.int32))
    mean = file.tensor((1, WIDTH), "FLOAT32")
    file.op("MEAN", [seen, axes], [mean], 1, "ReducerOptions")
    matrix = file.tensor(full.shape, "FLOAT32", full)
    offset = file.tensor((CLASSES,), "FLOAT32", np.zeros(CLASSES, np.float32))
    logits = file.tensor((1, CLASSES), "FLOAT32")
    file.op("FULLY_CONNECTED", [mean, matrix, offset], [logits], 1,
            "FullyConnectedOptions")  # fmt: skip
    return file.content([image], [logits])


def tiny_int8(per_channel_full: bool = False, conv_version: int = 3) -> bytes:
    """The same in INT8 as a converter writes it; NHWC 8x8x3 → 4."""
    draw, file = np.random.default_rng(0), LiteFile()
    image = file.tensor((1, SIDE, SIDE, CHANNELS), "INT8", None,
                        [INPUT_SCALE], [INPUT_ZERO])  # fmt: skip
    kernel = file.tensor(
        (WIDTH, 3, 3, CHANNELS), "INT8",
        draw.integers(-127, 128, (WIDTH, 3, 3, CHANNELS)).astype(np.int8),
        [0.01, 0.011, 0.012, 0.013],
    )  # fmt: skip
    steps = [INPUT_SCALE * scale for scale in (0.01, 0.011, 0.012, 0.013)]
    bias = file.tensor((WIDTH,), "INT32", np.full(WIDTH, 900, np.int32), steps)
    seen = file.tensor((1, SIDE, SIDE, WIDTH), "INT8", None, [6 / 255], [-128])
    file.op("CONV_2D", [image, kernel, bias], [seen], conv_version, "Conv2DOptions",
            strideH=1, strideW=1, fusedActivationFunction=3)  # fmt: skip
    axes = file.tensor((2,), "INT32", np.array([1, 2], np.int32))
    mean = file.tensor((1, WIDTH), "INT8", None, [6 / 255], [-128])
    file.op("MEAN", [seen, axes], [mean], 2, "ReducerOptions")
    scales = [0.02, 0.021, 0.022, 0.023] if per_channel_full else [0.02]
    matrix = file.tensor(
        (CLASSES, WIDTH), "INT8",
        draw.integers(-127, 128, (CLASSES, WIDTH)).astype(np.int8), scales,
    )  # fmt: skip
    offsets = np.zeros(CLASSES, np.int32)
    offset = file.tensor(
        (CLASSES,), "INT32", offsets, [scale * 6 / 255 for scale in scales]
    )
    logits = file.tensor((1, CLASSES), "INT8", None, [0.1], [3])
    file.op("FULLY_CONNECTED", [mean, matrix, offset], [logits], 4,
            "FullyConnectedOptions")  # fmt: skip
    return file.content([image], [logits])


def with_buffers_outside(content: bytes) -> bytes:
    """The same file with its weights after the flatbuffer, as new converters write it."""
    from models.litert.rewriting import pack, unpack

    model = unpack(content)
    held = [(n, bytes(bytearray(b.data))) for n, b in enumerate(model.buffers)
            if b.data is not None and len(b.data)]  # fmt: skip
    for number, _ in held:
        model.buffers[number].data = None
        model.buffers[number].offset = model.buffers[number].size = 1 << 20
    start = len(pack(model))
    tail = b""
    for number, data in held:
        model.buffers[number].offset = start + len(tail)
        model.buffers[number].size = len(data)
        tail += data
    return pack(model) + tail


def rows(count: int = 6, seed: int = 1) -> NDArray[np.float32]:
    """Images between -1 and 1, [count, 8, 8, 3]."""
    draw = np.random.default_rng(seed)
    return draw.uniform(-0.99, 1, (count, SIDE, SIDE, CHANNELS)).astype(np.float32)


def put(folder: Path, content: bytes, name: str = "model.tflite") -> Path:
    """Write `content` to a file of `folder`."""
    file = folder / name
    file.write_bytes(content)
    return file

"""Each ONNX step on a tiny model: what it writes, what it tells, what it refuses."""

from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from models.errors import BuildFailed, SourceUnreachable
from models.imaging import normalise
from models.recipes.pieces import Piece
from models.runtime import Runner
from models.steps.onnx_graph import operators
from models.steps.onnx_half import to_bf16
from models.steps.onnx_weights import split_gemms
from models.steps.registry import STEPS
from tests.tiny_bench import TinyBench
from tests.tiny_vision import IMAGE, SIDE

ROWS = normalise(
    np.random.default_rng(0).integers(0, 256, (8, SIDE, SIDE, 3), dtype=np.uint8), IMAGE
)
EVERY: list[dict[str, Any]] = [
    {"step": "fuse"},
    {"step": "fuse", "level": "all"},
    {"step": "quantize-dynamic"},
    {"step": "quantize-static"},
    {"step": "quantize-static", "style": "tensorrt"},
    {"step": "weight-only", "block_size": 16},
    {"step": "weight-only", "bits": 8, "block_size": 16, "symmetric": False},
    {"step": "half"},
    {"step": "half", "datatype": "bf16"},
    {"step": "search-int8"},
]


@pytest.fixture
def tiny(tmp_path: Path) -> TinyBench:
    return TinyBench(tmp_path)


def made(
    tiny: TinyBench,
    step: Mapping[str, object],
    source: Piece | None = None,
    **recipe: Any,
) -> tuple[Piece, Mapping[str, Any]]:
    bench = tiny.bench(step, **recipe)
    target = tiny.empty("target")
    module, _, name = STEPS[bench.recipe.steps[0].step].run.partition(":")
    run = getattr(import_module(module), name)
    facts = run(bench.recipe.steps[0], source or tiny.source, target, bench)
    return Piece(target), facts


def edited(tiny: TinyBench, weight: str, value: float) -> Piece:
    """The source with the first number of `weight` replaced."""
    model = onnx.load(tiny.source.onnx)
    for held in model.graph.initializer:
        if held.name == weight:
            values = numpy_helper.to_array(held).copy()
            values.flat[0] = value
            held.CopyFrom(numpy_helper.from_array(values, weight))
    return tiny.put(model.SerializeToString())


def without_layers(tiny: TinyBench) -> Piece:
    """A model of one Erf, which no quantizer knows."""
    shape: list[str | int | None] = ["batch", 3, SIDE, SIDE]
    graph = helper.make_graph(
        [helper.make_node("Erf", ["input"], ["logits"], "erf")],
        "erf",
        [helper.make_tensor_value_info("input", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, shape)],
    )
    opset = helper.make_opsetid("", 18)
    made = helper.make_model(graph, opset_imports=[opset], ir_version=10)
    return tiny.put(made.SerializeToString())


@pytest.mark.parametrize("step", EVERY, ids=str)
def test_every_step_stays_close_to_its_source(tiny, step):
    piece, facts = made(tiny, step)

    wanted = Runner(tiny.source.onnx).logits(ROWS)
    apart = np.abs(Runner(piece.onnx).logits(ROWS) - wanted).mean()
    assert apart < 0.15 * np.abs(wanted).mean()
    assert facts["size_bytes"]["after"] == piece.onnx.stat().st_size


@pytest.mark.parametrize("step", EVERY, ids=str)
def test_every_step_does_the_same_twice(tiny, step):
    first, second = made(tiny, step), made(tiny, step)

    assert first[0].onnx.read_bytes() == second[0].onnx.read_bytes()
    assert first[1] == second[1]


@pytest.mark.parametrize("step", EVERY, ids=str)
def test_every_step_names_a_weight_that_is_no_number(tiny, step):
    source = edited(tiny, "deep", float("nan"))

    with pytest.raises(BuildFailed, match="weight deep holds NaN or infinity"):
        made(tiny, step, source)


@pytest.mark.parametrize(
    "step", [step for step in EVERY if step["step"] not in ("fuse", "half")], ids=str
)
def test_quantizers_name_what_they_lack(tiny, step):
    with pytest.raises(BuildFailed, match="got Erf"):
        made(tiny, step, without_layers(tiny))


def test_what_is_quantized_is_not_quantized_again(tiny):
    int8, _ = made(tiny, {"step": "quantize-static"})

    with pytest.raises(BuildFailed, match="the source is quantized already"):
        made(tiny, {"step": "half"}, int8)


def test_source_that_is_no_onnx_is_refused(tiny):
    with pytest.raises(BuildFailed, match="cannot be read"):
        made(tiny, {"step": "fuse"}, tiny.put(b"no model"))


def test_fusing_joins_a_convolution_with_its_activation(tiny):
    piece, facts = made(tiny, {"step": "fuse"})

    assert "Relu" not in operators(piece.onnx)
    assert facts["largest_difference"] < 1e-4
    assert facts["only_this_cpu"] is False


def test_node_that_is_to_stay_in_float_keeps_its_weights(tiny):
    piece, _ = made(tiny, {"step": "quantize-static", "keep_float": ["c1"]})

    held = {one.name: one.data_type for one in onnx.load(piece.onnx).graph.initializer}
    assert held["full"] == TensorProto.FLOAT
    assert "deep_quantized" in held


def test_unknown_node_to_keep_is_named_with_the_known(tiny):
    with pytest.raises(BuildFailed, match="no node is called c9; it has c1, c2, g"):
        made(tiny, {"step": "quantize-static", "keep_float": ["c9"]})


def test_style_tensorrt_has_symmetric_inputs_and_float_biases(tiny):
    piece, _ = made(tiny, {"step": "quantize-static", "style": "tensorrt"})

    graph = onnx.load(piece.onnx).graph
    held = {one.name: numpy_helper.to_array(one) for one in graph.initializer}
    producers = {name: node.op_type for node in graph.node for name in node.output}
    layers = [node for node in graph.node if node.op_type in ("Conv", "Gemm")]
    zeros = [held[n.input[2]] for n in graph.node if n.op_type == "DequantizeLinear"]
    assert {zero.dtype for zero in zeros} == {np.dtype(np.int8)}
    assert not any(zero.any() for zero in zeros)
    assert {producers[node.input[0]] for node in layers} == {"DequantizeLinear"}
    assert all(held[node.input[2]].dtype == np.float32 for node in layers)


def test_static_names_the_photo_that_is_broken(tiny):
    (tiny.folder / "colours" / "07.png").write_bytes(b"\x89PNG\r\n\x1a\nbroken")

    with pytest.raises(SourceUnreachable, match=r"07\.png"):
        made(tiny, {"step": "quantize-static"})


def test_static_without_photos_says_where_to_name_them(tiny):
    with pytest.raises(BuildFailed, match=r"name a dataset in data\.calibration"):
        made(tiny, {"step": "quantize-static"}, data={})


def test_gemm_becomes_matmul_and_add(tiny):
    model = onnx.load(tiny.source.onnx)

    count = split_gemms(model)

    assert count == 1
    assert [node.op_type for node in model.graph.node][-2:] == ["MatMul", "Add"]
    wanted = Runner(tiny.source.onnx).logits(ROWS)
    assert Runner(model.SerializeToString()).logits(ROWS) == pytest.approx(
        wanted, abs=1e-4
    )


def test_weight_only_packs_the_matrix_and_leaves_convolutions(tiny):
    piece, facts = made(tiny, {"step": "weight-only", "block_size": 16})

    kinds = operators(piece.onnx)
    assert (kinds["MatMulNBits"], kinds["Conv"], facts["packed"]) == (1, 2, 1)
    assert facts["bits_a_weight"] == 4 + 32 / 16


def test_fp16_refuses_a_weight_beyond_its_range(tiny):
    with pytest.raises(BuildFailed, match="full must be within 65504, got 1e"):
        made(tiny, {"step": "half"}, edited(tiny, "full", 1e6))


def test_bf16_is_stored_and_computed_in_fp32(tiny):
    piece, facts = made(tiny, {"step": "half", "datatype": "bf16"})

    held = {one.data_type for one in onnx.load(piece.onnx).graph.initializer}
    assert TensorProto.BFLOAT16 in held
    assert facts["computes"] == "fp32"


def test_bf16_inputs_are_refused(tiny):
    with pytest.raises(BuildFailed, match="set keep_io: true"):
        made(tiny, {"step": "half", "datatype": "bf16", "keep_io": False})


@pytest.mark.parametrize(
    ("value", "bits"),
    [(1.0, 0x3F80), (1.00390625, 0x3F80), (1.01171875, 0x3F82), (-2.5, 0xC020)],
)
def test_bf16_rounds_to_nearest_and_ties_to_even(value, bits):
    assert to_bf16(np.array([value], np.float32)) == [bits]

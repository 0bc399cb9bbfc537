"""ONNX files of somebody else: run twice, counted, held against every class."""

import numpy as np
import pytest
from onnx import TensorProto, helper

from configs.catalogue import packaged_catalogue
from configs.device import load_devices
from edge.importing.inspector import inspect
from tests.tiny_lite import put
from tests.tiny_vision import write_tiny_convolution

DEVICES = load_devices(packaged_catalogue())


def reason(folder, content):
    found = inspect(put(folder, content, "m.onnx"), DEVICES)
    assert not found.is_usable
    return found.reason["code"]


def test_onnx_is_run_and_summed_up(tmp_path):
    found = inspect(write_tiny_convolution(tmp_path / "eye.onnx", 5), DEVICES)

    assert found.reason == {}
    assert found.facts["inputs"][0]["shape"] == [None, 3, 8, 8]
    assert {"operator": "Conv", "version": 18, "count": 2} in found.facts["operators"]


def test_onnx_is_held_against_every_class(tmp_path):
    found = inspect(write_tiny_convolution(tmp_path / "eye.onnx", 5), DEVICES)

    classes = found.facts["classes"]
    assert {name.replace("_", "-") for name in classes} == set(DEVICES)
    runs, other = classes["android_onnx"], classes["linux_arm"]
    assert (runs["ready"], runs["mapped"], runs["total"]) == (True, 7, 7)
    # Two convolutions of 3x3 over 8x8 pixels, 8 channels each, then 8 to 4.
    assert runs["macs"] == 64 * (8 * 3 * 9 + 8 * 9) + 8 * 4
    assert (other["mapped"], other["total"]) == (0, 7)
    assert other["needs_conversion"]


def test_cost_of_onnx_whose_shapes_vary_inside_is_not_guessed(tmp_path):
    nodes = [
        helper.make_node("NonZero", ["x"], ["places"]),
        helper.make_node("Cast", ["places"], ["y"], to=TensorProto.FLOAT),
    ]
    ends = [
        helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 9]),
        helper.make_tensor_value_info("y", TensorProto.FLOAT, [2, None]),
    ]
    graph = helper.make_graph(nodes, "g", ends[:1], ends[1:])
    opset = helper.make_opsetid("", 13)
    model = helper.make_model(graph, opset_imports=[opset], ir_version=8)

    found = inspect(put(tmp_path, model.SerializeToString(), "m.onnx"), DEVICES)

    runs = found.facts["classes"]["android_onnx"]
    assert runs["ready"]
    assert runs["estimate_ms"] is None
    assert "shapes inside the file vary" in " ".join(runs["warnings"])


def test_onnx_for_a_newer_opset_than_the_class_has_says_what_to_export_for(tmp_path):
    node = helper.make_node("RotaryEmbedding", ["x", "c", "c"], ["y"])
    shapes = {"x": [1, 1, 2, 4], "c": [1, 2, 2], "y": [1, 1, 2, 4]}
    x, c, y = (
        helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
        for name, shape in shapes.items()
    )
    graph = helper.make_graph([node], "g", [x, c], [y])
    opset = helper.make_opsetid("", 23)
    model = helper.make_model(graph, opset_imports=[opset], ir_version=10)
    old = DEVICES["android-onnx"].model_copy(update={"runtimes": ("onnxruntime-1.18",)})
    file = put(tmp_path, model.SerializeToString(), "m.onnx")

    found = inspect(file, {"old": old})

    verdict = found.facts["classes"]["old"]
    assert (verdict["ready"], verdict["mapped"]) == (False, 0)
    assert verdict["reasons"] == [
        "opset 23 of ai.onnx is newer than 21 of onnxruntime-1.18; export it for opset 21",
        "1 x RotaryEmbedding: onnxruntime-1.18 has none; compute it with operators that "
        "are there",
    ]


def test_onnx_that_is_no_onnx_is_named(tmp_path):
    assert reason(tmp_path, b"\x08\x07\x12" + bytes(90)) in (
        "damaged",
        "no_graph",
    )


def one_op(name, shape=(1, 4), domain="", held=()):
    """A file with one operator, whose second input is held in it."""
    ends = [
        helper.make_tensor_value_info(n, TensorProto.FLOAT, shape) for n in ("x", "y")
    ]
    inputs = ["x", *(one.name for one in held)]
    node = helper.make_node(name, inputs, ["y"], domain=domain)
    graph = helper.make_graph([node], "g", ends[:1], ends[1:], list(held))
    opsets = [helper.make_opsetid("", 18), helper.make_opsetid("org.somebody", 1)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=8)


def lying():
    """Four numbers that say they are four thousand."""
    held = helper.make_tensor("w", TensorProto.FLOAT, [4], [1.0, 2.0, 3.0, 4.0])
    held.dims[0] = 4000
    return one_op("Add", held=[held]).SerializeToString()


def scrambled():
    draw = np.random.default_rng(3)
    content = bytearray(one_op("Relu").SerializeToString())
    for place in draw.integers(0, len(content), 12):
        content[place] = int(draw.integers(0, 256))
    return bytes(content)


GARBAGE = {
    "no bytes": (b"", {"damaged", "no_graph"}),
    "the first half": (one_op("Relu").SerializeToString()[:40], {"damaged"}),
    "scrambled": (scrambled(), {"damaged", "does_not_run"}),
    "custom operator": (
        one_op("Own", domain="org.somebody").SerializeToString(),
        {"custom_operator"},
    ),
    "tensor of terabytes": (
        one_op("Relu", shape=(1 << 20, 1 << 20)).SerializeToString(),
        {"huge_tensor"},
    ),
    "lying shape": (lying(), {"damaged", "does_not_run"}),
}


@pytest.mark.parametrize(("content", "codes"), GARBAGE.values(), ids=GARBAGE.keys())
def test_garbage_has_one_named_reason(tmp_path, content, codes):
    assert reason(tmp_path, content) in codes


def test_onnx_that_gives_nan_is_named(tmp_path):
    node = helper.make_node("Sqrt", ["x"], ["y"])
    ends = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, 9]) for name in "xy"
    ]
    graph = helper.make_graph([node], "g", ends[:1], ends[1:])
    model = helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10
    )

    assert reason(tmp_path, model.SerializeToString()) == "not_finite"

"""What an ONNX file asks a strongly typed builder for."""

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from models.tensorrt.precision import read_precisions, reason_against


def write(file, weight=np.float32, zero=None):
    """One MatMul; with `zero`, its input goes through a Q/DQ pair of that zero point."""
    constants = [numpy_helper.from_array(np.ones((2, 2), weight), "w")]
    nodes, rows = [], "x"
    if zero is not None:
        scale = numpy_helper.from_array(np.float32(0.1), "scale")
        constants += [scale, zero]
        nodes = [
            helper.make_node(
                "QuantizeLinear", ["x", "scale", zero.name], ["q"], "quant"
            ),
            helper.make_node(
                "DequantizeLinear", ["q", "scale", zero.name], ["d"], "deq"
            ),
        ]
        rows = "d"
    nodes.append(helper.make_node("MatMul", [rows, "w"], ["y"]))
    kind = helper.np_dtype_to_tensor_dtype(np.dtype(weight))
    sides = [helper.make_tensor_value_info(name, kind, ["n", 2]) for name in "xy"]
    graph = helper.make_graph(nodes, "toy", sides[:1], sides[1:], constants)
    onnx.save(helper.make_model(graph), file)
    return read_precisions(file)


def zero_point(value, datatype=np.int8):
    return numpy_helper.from_array(np.asarray(value, datatype), "zero")


def test_float_model_has_neither_half_nor_quantized_layers(tmp_path):
    found = write(tmp_path / "m.onnx")

    assert found.weights == {"FLOAT": 1}
    assert "put a step `half` before" in str(reason_against(found, "fp16"))
    assert "style: tensorrt" in str(reason_against(found, "int8"))
    assert "has no FP8 Q/DQ" in str(reason_against(found, "fp8"))


def test_half_model_becomes_fp16_only(tmp_path):
    found = write(tmp_path / "m.onnx", np.float16)

    assert reason_against(found, "fp16") is None
    assert reason_against(found, "int8") is not None


def test_symmetric_model_becomes_int8(tmp_path):
    found = write(tmp_path / "m.onnx", zero=zero_point(0))

    assert found.quantized == {"INT8": 2}
    assert reason_against(found, "int8") is None


@pytest.mark.parametrize(
    "zero", [zero_point(3), zero_point(114, np.uint8), zero_point(0, np.uint8)]
)
def test_asymmetric_model_is_refused_with_the_nodes_and_the_remedy(tmp_path, zero):
    found = write(tmp_path / "m.onnx", zero=zero)

    assert reason_against(found, "int8") == (
        "2 Q/DQ nodes have zero points or are UINT8 (quant, deq); TensorRT takes "
        "symmetric INT8 only: use style: tensorrt in quantize-static"
    )


def test_float8_quantizers_become_fp8(tmp_path):
    zero = helper.make_tensor("zero", TensorProto.FLOAT8E4M3FN, [], [0.0])

    found = write(tmp_path / "m.onnx", zero=zero)

    assert reason_against(found, "fp8") is None

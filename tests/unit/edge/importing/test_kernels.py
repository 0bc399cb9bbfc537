"""What releases of ONNX Runtime are said to open, beside what the one here opens."""

import onnxruntime
import pytest
from onnx import TensorProto, helper
from onnxruntime.capi import onnxruntime_pybind11_state as native

from edge.importing.kernels import ONNX, Limits, limits

HERE = f"onnxruntime-{onnxruntime.__version__}"


def opened(limits):
    """An addition in the format and opsets of `limits`, opened."""
    ends = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, [1]) for name in "xy"
    ]
    node = helper.make_node("Add", ["x", "x"], ["y"])
    graph = helper.make_graph([node], "g", ends[:1], ends[1:])
    opsets = [
        helper.make_opsetid("" if domain == ONNX else domain, version)
        for domain, version in limits.opsets.items()
    ]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=limits.ir_version)
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    return onnxruntime.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )


def test_runtime_here_opens_the_newest_that_it_is_said_to():
    assert opened(limits(HERE)).get_outputs()[0].name == "y"


@pytest.mark.skipif(
    HERE != "onnxruntime-1.31.1", reason="only a release that was asked is known"
)
def test_runtime_here_opens_nothing_newer():
    known = limits(HERE)
    assert known is not None
    newer = [Limits(known.ir_version + 1, known.opsets)]
    newer += [
        Limits(known.ir_version, {**known.opsets, domain: version + 1})
        for domain, version in known.opsets.items()
    ]

    for one in newer:
        with pytest.raises(native.Fail):
            opened(one)


def test_limits_between_releases_are_those_of_the_one_before():
    assert limits("onnxruntime-1.21") == limits("onnxruntime-1.20.1")
    assert limits("onnxruntime-1.22") != limits("onnxruntime-1.20.1")

"""What a protobuf of ONNX says of itself: versions, and sums that are counted or not."""

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper

from edge.importing.onnx_reading import described

FLOAT, UINT8, INT32 = TensorProto.FLOAT, TensorProto.UINT8, TensorProto.INT32
RELU = helper.make_node("Relu", ["x"], ["y"])


def value(name, shape, datatype=FLOAT):
    return helper.make_tensor_value_info(name, datatype, shape)


def weights(shape, datatype=np.float32, name="w"):
    return numpy_helper.from_array(np.ones(shape, datatype), name)


def a_model(node, shape, held=(), ends=(FLOAT, FLOAT), functions=()):
    """A file of one operator, `x` [shape] → `y`."""
    nodes = node if isinstance(node, list) else [node]
    graph = helper.make_graph(
        nodes,
        "g",
        [value("x", shape, ends[0])],
        [value("y", None, ends[1])],
        list(held),
    )
    names = ("", "org.somebody", "com.microsoft")
    opsets = [helper.make_opsetid(one, 1 if one else 20) for one in names]
    return helper.make_model(
        graph, opset_imports=opsets, ir_version=9, functions=list(functions)
    )


def branching():
    branch = helper.make_graph(
        [helper.make_node("MatMul", ["x", "w"], ["z"])], "b", [], [value("z", [1, 4])]
    )
    return helper.make_node("If", ["c"], ["y"], then_branch=branch, else_branch=branch)


def of_its_own():
    opsets = [helper.make_opsetid("", 22)]
    node = helper.make_node("MatMul", ["a", "b"], ["c"])
    return helper.make_function(
        "org.somebody", "Product", ["a", "b"], ["c"], [node], opsets
    )


INTEGERS = a_model(
    helper.make_node("MatMulInteger", ["x", "w"], ["y"]),
    (1, 4),
    [weights((4, 4), np.uint8)],
    (UINT8, INT32),
)
DYNAMIC = a_model(
    [
        helper.make_node("DynamicQuantizeLinear", ["x"], ["q", "scale", "zero"]),
        helper.make_node("MatMulInteger", ["q", "w", "zero"], ["y"]),
    ],
    (1, 4),
    [weights((4, 4), np.uint8)],
    (FLOAT, INT32),
)
TRANSPOSED = a_model(
    helper.make_node("ConvTranspose", ["x", "w"], ["y"]),
    (1, 2, 4, 4),
    [weights((2, 3, 2, 2))],
)
RECURRENT = a_model(
    helper.make_node("GRU", ["x", "w", "r"], ["y"], hidden_size=2),
    (3, 1, 4),
    [weights((1, 6, 4)), weights((1, 6, 2), name="r")],
)
SUMMED = a_model(
    helper.make_node("Einsum", ["x", "w"], ["y"], equation="ij,jk->ik"),
    (1, 4),
    [weights((4, 4))],
)
BRANCHING = a_model(branching(), (1, 4), [weights((4, 4)), weights((), np.bool_, "c")])
FOREIGN = a_model(
    helper.make_node("FusedMatMul", ["x", "w"], ["y"], domain="com.microsoft"),
    (1, 4),
    [weights((4, 4))],
)
FUNCTION = a_model(
    helper.make_node("Product", ["x", "w"], ["y"], domain="org.somebody"),
    (1, 4),
    [weights((4, 4))],
    functions=[of_its_own()],
)


@pytest.mark.parametrize(
    ("model", "names"),
    [
        (INTEGERS, ("MatMulInteger",)),
        (DYNAMIC, ("MatMulInteger",)),
        (TRANSPOSED, ("ConvTranspose",)),
        (RECURRENT, ("GRU",)),
        (SUMMED, ("Einsum",)),
        (BRANCHING, ("If",)),
        (FOREIGN, ("com.microsoft:FusedMatMul",)),
        (FUNCTION, ("org.somebody:Product",)),
    ],
)
def test_cost_of_sums_that_are_not_counted_is_not_known(model, names):
    found = described(model, (), 1000)

    assert found.cost is None
    assert found.uncounted == names


def test_cost_of_a_layer_is_counted():
    node = helper.make_node("MatMul", ["x", "w"], ["y"])

    found = described(a_model(node, (1, 4), [weights((4, 5))]), (), 1000)

    assert found.uncounted == ()
    assert found.cost is not None
    assert (found.cost.macs, found.cost.weights_bytes) == (20, 80)


@pytest.mark.parametrize("model", [INTEGERS, DYNAMIC])
def test_file_that_computes_in_whole_numbers_is_no_float_file(model):
    assert described(model, (), 1000).arithmetic == "int8"


def test_versions_are_those_that_the_file_says():
    found = described(a_model(RELU, (1, 4)), (), 1000)

    assert found.ir_version == 9
    assert found.opsets == {"ai.onnx": 20, "org.somebody": 1, "com.microsoft": 1}


def test_newer_opset_of_a_function_is_that_of_the_file():
    assert described(FUNCTION, (), 1000).opsets["ai.onnx"] == 22


def test_weights_that_are_inputs_as_well_are_no_tensors_of_a_run():
    node = helper.make_node("MatMul", ["x", "w"], ["y"])
    new = a_model(node, (1, 4), [weights((4, 500))])
    old = a_model(node, (1, 4), [weights((4, 500))])
    old.graph.input.append(value("w", (4, 500)))

    assert described(old, (), 1000).cost == described(new, (), 1000).cost

"""Reading .tflite files: whole ones, and every way of being broken by name."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.errors import BadModelFile
from models.litert.reading import read
from models.litert.schema import schema
from tests.tiny_lite import LiteFile, tiny_float, tiny_int8, with_buffers_outside

WHOLE = tiny_int8()


def refusal(content: bytes) -> str:
    with pytest.raises(BadModelFile) as caught:
        read(content)
    return caught.value.code


def verdict(content: bytes) -> str:
    """`whole`, or the word of what is wrong."""
    try:
        read(content)
    except BadModelFile as error:
        return error.code
    return "whole"


def test_graph_tells_operators_tensors_and_scales():
    graph = read(WHOLE)

    (image,) = graph.of(graph.inputs)
    assert [(op.name, op.version) for op in graph.ops] == [
        ("CONV_2D", 3), ("MEAN", 2), ("FULLY_CONNECTED", 4),
    ]  # fmt: skip
    assert (image.shape, image.datatype, image.zero_points) == (
        (1, 8, 8, 3), "INT8", (-1,),
    )  # fmt: skip
    assert graph.ops[0].options["FusedActivationFunction"] == 3
    assert graph.tensors[graph.ops[0].inputs[1]].is_per_channel


def test_constant_is_read_as_its_values():
    graph = read(WHOLE)

    axes = graph.tensors[graph.ops[1].inputs[1]]

    assert axes.values().tolist() == [1, 2]


def test_weights_after_the_flatbuffer_are_found_and_marked():
    inside, outside = read(WHOLE), read(with_buffers_outside(WHOLE))

    pairs = list(zip(inside.tensors, outside.tensors, strict=True))

    assert all(np.array_equal(one.data, other.data) for one, other in pairs)
    assert {other.outside for one, other in pairs if one.is_constant} == {True}


def test_no_bytes_are_named_empty():
    assert refusal(b"") == "empty"


def test_another_format_is_named():
    assert refusal(b"\x08\x07\x12\x04onnx" * 9) == "not_tflite"


@pytest.mark.parametrize("kept", [8, 40, 200, len(WHOLE) // 2])
def test_half_a_file_is_named(kept):
    assert refusal(WHOLE[:kept]) in ("damaged", "truncated", "no_graph", "lying_shape")


def test_weights_beyond_the_end_are_named_truncated():
    whole = with_buffers_outside(WHOLE)

    assert refusal(whole[:-16]) == "truncated"


def one_tensor_of(**said):
    file = LiteFile()
    first = file.tensor((1, 4), **said)
    second = file.tensor((1, 4))
    file.op("RELU", [first], [second])
    return file.content([first], [second])


def test_shape_that_does_not_fit_its_bytes_is_named():
    content = one_tensor_of(data=np.zeros(7, np.int8))

    assert refusal(content) == "lying_shape"


def test_scales_along_a_dimension_that_is_not_there_are_named():
    content = one_tensor_of(data=np.zeros(4, np.int8), scales=[0.1, 0.2], axis=3)

    assert refusal(content) == "bad_quantization"


def test_scale_that_is_no_number_is_named():
    assert refusal(one_tensor_of(scales=[float("nan")])) == "bad_quantization"


def test_tensor_of_many_terabytes_is_named():
    file = LiteFile()
    huge = file.tensor((1 << 20, 1 << 20))
    out = file.tensor((1, 4))
    file.op("RELU", [huge], [out])

    assert refusal(file.content([huge], [out])) == "huge_tensor"


def test_tensor_that_is_not_there_is_named():
    file = LiteFile()
    first = file.tensor((1, 4))
    file.op("RELU", [first], [77])

    assert refusal(file.content([first], [first])) == "damaged"


def test_graph_without_operators_is_named():
    file = LiteFile()
    only = file.tensor((1, 4))

    assert refusal(file.content([only], [only])) == "no_graph"


def test_operator_from_the_future_is_named():
    file = LiteFile()
    first, second = file.tensor((1, 4)), file.tensor((1, 4))
    file.op("RELU", [first], [second])
    file.model.operatorCodes[0].builtinCode = 9999

    assert refusal(file.content([first], [second])) == "unknown_operator"


def test_custom_operator_keeps_its_name():
    file = LiteFile()
    first, second = file.tensor((1, 4)), file.tensor((1, 4))
    file.op("CUSTOM", [first], [second], custom="TFLite_Detection_PostProcess")

    graph = read(file.content([first], [second]))

    assert list(graph.versions()) == ["CUSTOM:TFLite_Detection_PostProcess"]


def test_file_of_more_than_a_thousand_constants_is_read():
    """EfficientDet-Lite4 has 1113 tensors, and as many buffers."""
    file = LiteFile()
    first, last = file.tensor((1, 4)), file.tensor((1, 4))
    for number in range(1100):
        file.tensor((4,), "INT8", np.full(4, number % 100, np.int8))
    file.op("RELU", [first], [last])

    assert len(read(file.content([first], [last])).tensors) == 1102


def test_length_that_no_file_of_this_size_can_hold_is_refused_at_once():
    content = bytearray(WHOLE)
    model = schema().Model.GetRootAs(content, 0)
    where = model._tab.Vector(model._tab.Offset(8)) - 4
    content[where : where + 4] = (2**31 - 1).to_bytes(4, "little")

    assert refusal(bytes(content)) == "damaged"


@settings(max_examples=300, deadline=None)
@given(
    changes=st.lists(
        st.tuples(st.integers(8, len(WHOLE) - 1), st.integers(0, 255)),
        min_size=1,
        max_size=12,
    )
)
def test_changed_bytes_give_a_graph_or_a_named_error(changes):
    content = bytearray(WHOLE)
    for place, value in changes:
        content[place] = value

    assert verdict(bytes(content)).isidentifier()


@settings(max_examples=200, deadline=None)
@given(content=st.binary(max_size=400))
def test_any_bytes_behind_the_magic_are_refused_by_name(content):
    assert verdict(content[:4].ljust(4, b"\0") + b"TFL3" + content[4:]) != "whole"


def test_float_file_reads_as_float():
    graph = read(tiny_float())

    assert {tensor.datatype for tensor in graph.of(graph.inputs + graph.outputs)} == {
        "FLOAT32"
    }

"""Tensors on the wire and back."""

import struct
from collections.abc import Sequence
from typing import Any

import numpy as np
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from deployments.errors import InvalidInput
from deployments.messages import DATATYPES, DTYPES, Tensor
from serve_app.oip.tensors import (
    Header,
    bytes_tensor,
    from_binary,
    from_elements,
    from_json,
    nested_shape,
    read_header,
    to_binary,
    to_json,
)

NUMERIC = sorted(set(DTYPES) - {"BYTES"})
SHAPES = hnp.array_shapes(min_dims=1, max_dims=4, min_side=0, max_side=4)


def header(datatype: str, *shape: int) -> Header:
    return read_header("m", "x", datatype, list(shape))


def header_of(tensor: Tensor) -> Header:
    return header(DATATYPES[tensor.dtype], *tensor.shape)


def finite(datatype: str) -> st.SearchStrategy[Any]:
    dtype = DTYPES[datatype]
    if dtype.kind == "f":
        options = {"allow_nan": False, "allow_infinity": False}
        return hnp.arrays(dtype, SHAPES, elements=options)
    return hnp.arrays(dtype, SHAPES)


def bytes_tensors(elements: st.SearchStrategy[bytes]) -> st.SearchStrategy[Any]:
    return hnp.arrays(np.object_, SHAPES, elements=elements, fill=st.nothing())


@given(st.sampled_from(NUMERIC).flatmap(finite))
def test_numbers_survive_binary(tensor: Tensor):
    read = from_binary(header_of(tensor), bytes(to_binary(tensor)))

    assert read.dtype == tensor.dtype
    np.testing.assert_array_equal(read, tensor)


@given(st.sampled_from([d for d in NUMERIC if d != "FP16"]).flatmap(finite))
def test_numbers_survive_json(tensor: Tensor):
    text = orjson.dumps(to_json("m", "x", tensor), option=orjson.OPT_SERIALIZE_NUMPY)

    read = from_json(header_of(tensor), orjson.loads(text))

    assert read.dtype == tensor.dtype
    np.testing.assert_array_equal(read, tensor)


@given(st.sampled_from([d for d in NUMERIC if d != "FP16"]).flatmap(finite))
def test_nested_data_reads_as_flat_data_does(tensor: Tensor):
    nested = from_json(header_of(tensor), tensor.tolist())

    np.testing.assert_array_equal(nested, tensor)


@given(bytes_tensors(st.binary(max_size=12)))
def test_bytes_survive_binary(tensor: Tensor):
    read = from_binary(header_of(tensor), bytes(to_binary(tensor)))

    assert read.tolist() == tensor.tolist()


@given(bytes_tensors(st.text(max_size=6).map(str.encode)))
def test_text_survives_json(tensor: Tensor):
    text = orjson.dumps(to_json("m", "x", tensor))

    read = from_json(header_of(tensor), orjson.loads(text))

    assert read.tolist() == tensor.tolist()


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=2), inner)
    ),
    max_leaves=12,
)


@given(st.sampled_from(sorted(DTYPES)), st.lists(st.integers(0, 3), max_size=3), JSON)
def test_any_json_is_a_tensor_or_refused(datatype: str, shape: list[int], data: Any):
    try:
        tensor = from_json(header(datatype, *shape), data)
    except InvalidInput:
        return
    assert tensor.shape == tuple(shape)
    assert tensor.dtype == DTYPES[datatype]


@given(
    st.sampled_from(sorted(DTYPES)),
    st.lists(st.integers(0, 3), max_size=3),
    st.binary(max_size=64),
)
def test_any_bytes_are_a_tensor_or_refused(
    datatype: str, shape: list[int], data: bytes
):
    try:
        tensor = from_binary(header(datatype, *shape), data)
    except InvalidInput:
        return
    assert tensor.shape == tuple(shape)
    assert bytes(to_binary(tensor)) == data


@pytest.mark.parametrize(
    ("shape", "data"),
    [
        ((2, 2), [[1, 2], [3]]),
        ((2, 2), [[1, 2, 3, 4]]),
        ((2, 2), [[1, 2], 3]),
        ((4,), [[1, 2, 3, 4]]),
        ((1, 2, 2), [[1, 2], [3, 4]]),
    ],
)
def test_nesting_must_be_the_shape(shape: tuple[int, ...], data: list[Any]):
    with pytest.raises(InvalidInput, match="is not nested as shape"):
        from_json(header("INT64", *shape), data)


@pytest.mark.parametrize(
    ("datatype", "element", "words"),
    [
        ("FP32", "1.5", "is FP32, every element must be a number, got a string"),
        ("FP32", True, "is FP32, every element must be a number, got a boolean"),
        ("FP64", None, "is FP64, every element must be a number, got null"),
        ("INT64", 1.0, "every element must be a whole number, got a number with a"),
        ("INT8", True, "every element must be a whole number, got a boolean"),
        ("BOOL", 1, "every element must be true or false, got a whole number"),
        ("BYTES", 7, "every element must be a string, got a whole number"),
        ("BYTES", {}, "every element must be a string, got an object"),
        ("UINT8", 256, "has an element out of the range of UINT8"),
        ("UINT8", -1, "has an element out of the range of UINT8"),
        ("INT64", 2**63, "has an element out of the range of INT64"),
        ("FP32", 1e39, "has an element out of the range of FP32"),
        ("FP16", 1.0, "is FP16, which only travels as binary data"),
    ],
)
def test_element_of_the_wrong_kind_is_refused(datatype: str, element: Any, words: str):
    with pytest.raises(InvalidInput, match=words) as caught:
        from_json(header(datatype, 1), [element])

    assert str(caught.value).startswith("input 'x' for model 'm' ")


def test_count_of_elements_must_be_that_of_the_shape():
    with pytest.raises(InvalidInput, match=r"must have 4 elements .* got 3"):
        from_json(header("INT32", 2, 2), [1, 2, 3])


def test_data_must_be_a_list():
    with pytest.raises(InvalidInput, match="must have its data as a list"):
        from_json(header("INT32", 1), "1")


def test_count_of_bytes_must_be_that_of_the_shape():
    with pytest.raises(InvalidInput, match=r"must have 16 bytes .* got 15"):
        from_binary(header("INT32", 2, 2), bytes(15))


def test_bool_bytes_are_zero_or_one():
    with pytest.raises(InvalidInput, match="neither 0 nor 1"):
        from_binary(header("BOOL", 2), b"\x01\x02")


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (struct.pack("<I", 4) + b"abc", "ends within a BYTES element"),
        (struct.pack("<I", 2**32 - 1) + b"abc", "ends within a BYTES element"),
        (struct.pack("<I", 1) + b"a" + b"\x00\x00", "ends within the length"),
        (struct.pack("<I", 0) * 2, "must have 1 elements for shape .1., got 2"),
        (b"\x00\x00", "cannot hold so many"),
    ],
)
def test_lengths_of_bytes_elements_must_fit(data: bytes, words: str):
    with pytest.raises(InvalidInput, match=words):
        from_binary(header("BYTES", 1), data)


@pytest.mark.parametrize(
    "shape",
    [
        None,
        "2",
        [-1],
        [1.0],
        [True],
        ["1"],
        [2**31],
        [2**62, 0],
        [2**16, 2**16],
        [1] * 33,
    ],
)
def test_shape_that_cannot_be_is_refused_before_anything_is_allocated(shape: Any):
    with pytest.raises(InvalidInput, match="shape"):
        read_header("m", "x", "FP32", shape)


def test_unknown_datatype_is_refused_in_the_protocols_words():
    with pytest.raises(InvalidInput, match=r"^invalid datatype for input INPUT0$"):
        read_header("m", "INPUT0", "FLOAT", [1])


@pytest.mark.parametrize("name", [None, "", 7])
def test_input_must_have_a_name(name: Any):
    with pytest.raises(InvalidInput, match="must have a name"):
        read_header("m", name, "FP32", [1])


def test_bytes_that_are_no_text_must_be_asked_for_as_binary():
    with pytest.raises(InvalidInput, match="ask for it with binary_data true"):
        to_json("m", "y", np.array([b"\xff"], np.object_))


def test_half_precision_must_be_asked_for_as_binary():
    with pytest.raises(InvalidInput, match="ask for it with binary_data true"):
        to_json("m", "y", np.ones(1, np.float16))


def test_numbers_share_the_memory_of_the_body():
    body = np.arange(4, dtype=np.float32).tobytes()

    tensor = from_binary(header("FP32", 4), memoryview(body))

    assert np.shares_memory(tensor, np.frombuffer(body, np.uint8))


def test_columns_of_a_tensor_are_written_row_by_row():
    tensor = np.arange(6, dtype=np.int32).reshape(2, 3).T

    assert bytes(to_binary(tensor)) == np.ascontiguousarray(tensor).tobytes()


def test_elements_are_checked_against_the_range():
    with pytest.raises(InvalidInput, match="out of the range of INT8"):
        from_elements(header("INT8", 2), [1, 128])


@pytest.mark.parametrize(
    ("data", "shape"),
    [([[1, 2], [3, 4]], (2, 2)), ([], (0,)), (7, ()), ([[[]]], (1, 1, 0))],
)
def test_shape_is_read_off_nested_lists(data: Any, shape: tuple[int, ...]):
    assert nested_shape(data) == shape


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_json_has_no_words_for_what_is_not_finite(value: float):
    with pytest.raises(InvalidInput, match=r"'y' holds NaN or infinity.* binary_data"):
        to_json("m", "y", np.array([1.0, value], np.float32))


class Uncopied(Sequence[Any]):
    """Has a length; whoever reads it has not compared that with the shape."""

    def __init__(self, length: int) -> None:
        self.length = length

    def __len__(self) -> int:
        return self.length

    def __getitem__(self, index: Any) -> Any:
        raise AssertionError("the elements were read")


@pytest.mark.parametrize(
    ("read", "datatype"), [(from_elements, "INT64"), (bytes_tensor, "BYTES")]
)
def test_elements_are_counted_before_they_are_read(read: Any, datatype: str):
    with pytest.raises(InvalidInput, match=r"must have 2 elements for shape .* got 9"):
        read(header(datatype, 2), Uncopied(9))

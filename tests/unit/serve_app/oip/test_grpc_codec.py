"""gRPC messages that become calls, and those that do not."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from deployments.errors import InvalidInput
from deployments.messages import (
    DTYPES,
    Contract,
    Reply,
    Request,
    Tensor,
    TensorContract,
)
from serve_app.oip import inference_pb2 as pb
from serve_app.oip.call import Call, every_output
from serve_app.oip.grpc_codec import FIELDS, read_call, write_reply
from tests.fakes_protocol import ADDER

SHAPES = hnp.array_shapes(min_dims=1, max_dims=3, min_side=1, max_side=3)


def echo(datatype: str, dimensions: int = 1) -> Contract:
    tensor = (TensorContract("x", datatype, (-1,) * dimensions),)
    return Contract("echo", "1", "test", tensor, tensor, 8)


def tensors(datatype: str) -> st.SearchStrategy[tuple[str, Tensor]]:
    if datatype == "BYTES":
        short = st.binary(max_size=5)
        drawn = hnp.arrays(np.object_, SHAPES, elements=short, fill=st.nothing())
    else:
        drawn = hnp.arrays(DTYPES[datatype], SHAPES)
    return drawn.map(lambda tensor: (datatype, tensor))


def typed(datatype: str, tensor: Tensor) -> pb.ModelInferRequest:
    request = pb.ModelInferRequest(model_name="echo")
    given = request.inputs.add(name="x", datatype=datatype, shape=tensor.shape)
    getattr(given.contents, FIELDS[datatype]).extend(tensor.ravel().tolist())
    return request


@given(st.sampled_from(sorted(FIELDS)).flatmap(tensors))
def test_typed_contents_become_the_tensor(drawn: tuple[str, Tensor]):
    datatype, tensor = drawn

    call = read_call(echo(datatype, tensor.ndim), typed(datatype, tensor))

    read = call.request.inputs["x"]
    assert read.dtype == DTYPES[datatype]
    assert read.shape == tensor.shape
    np.testing.assert_array_equal(read, tensor)


@given(st.sampled_from(sorted(DTYPES)).flatmap(tensors))
def test_answer_reads_as_a_raw_request_does(drawn: tuple[str, Tensor]):
    datatype, tensor = drawn
    contract = echo(datatype, tensor.ndim)
    call = Call(contract, Request("echo", {}), every_output(contract, True))

    answer = write_reply(call, Reply({"x": tensor}))
    again = pb.ModelInferRequest(raw_input_contents=answer.raw_output_contents)
    output = answer.outputs[0]
    again.inputs.add(name="x", datatype=output.datatype, shape=output.shape)

    read = read_call(contract, again).request.inputs["x"]
    np.testing.assert_array_equal(read, tensor)


def test_half_floats_are_taken_raw_only():
    request = pb.ModelInferRequest(model_name="echo")
    request.inputs.add(name="x", datatype="FP16", shape=[1])

    with pytest.raises(InvalidInput, match="FP16, which only travels in raw_input"):
        read_call(echo("FP16"), request)


def test_typed_number_out_of_its_range_is_refused():
    request = pb.ModelInferRequest(model_name="echo")
    given = request.inputs.add(name="x", datatype="INT8", shape=[1])
    given.contents.int_contents.append(300)

    with pytest.raises(InvalidInput, match="has an element out of the range of INT8"):
        read_call(echo("INT8"), request)


def pair() -> pb.ModelInferRequest:
    request = pb.ModelInferRequest(model_name="adder")
    for name in ("INPUT0", "INPUT1"):
        given = request.inputs.add(name=name, datatype="INT32", shape=[1, 4])
        given.contents.int_contents.extend([1, 2, 3, 4])
    return request


def both_kinds(request: pb.ModelInferRequest) -> None:
    request.raw_input_contents.extend([bytes(16)] * 2)


def too_few_raw(request: pb.ModelInferRequest) -> None:
    request.raw_input_contents.append(bytes(16))


def wrong_field(request: pb.ModelInferRequest) -> None:
    request.inputs[0].contents.Clear()
    request.inputs[0].contents.fp32_contents.append(1)


def two_fields(request: pb.ModelInferRequest) -> None:
    request.inputs[0].contents.fp32_contents.append(1)


def half_typed(request: pb.ModelInferRequest) -> None:
    request.inputs[0].datatype = "FP16"


def odd_datatype(request: pb.ModelInferRequest) -> None:
    request.inputs[0].datatype = "TYPE_INT32"


def too_short(request: pb.ModelInferRequest) -> None:
    request.inputs[0].contents.int_contents.pop()


def negative_shape(request: pb.ModelInferRequest) -> None:
    request.inputs[0].shape[0] = -1


def huge_shape(request: pb.ModelInferRequest) -> None:
    request.inputs[0].shape[0] = 2**62


def out_of_range(request: pb.ModelInferRequest) -> None:
    request.inputs[0].datatype = "INT8"
    request.inputs[0].contents.int_contents[0] = 128


def same_name(request: pb.ModelInferRequest) -> None:
    request.inputs[1].name = "INPUT0"


def empty_parameter(request: pb.ModelInferRequest) -> None:
    request.parameters["k"].SetInParent()


def shared_memory(request: pb.ModelInferRequest) -> None:
    request.inputs[0].parameters["shared_memory_region"].string_param = "r"


def unknown_output(request: pb.ModelInferRequest) -> None:
    request.outputs.add(name="NOPE")


def same_output(request: pb.ModelInferRequest) -> None:
    request.outputs.add(name="SUM")
    request.outputs.add(name="SUM")


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (
            both_kinds,
            "contents field must not be specified when using raw_input_contents for "
            "'INPUT0' for model 'adder'",
        ),
        (too_few_raw, "raw_input_contents must have 2 entries, one an input, got 1"),
        (wrong_field, "its data must be in int_contents, got fp32_contents"),
        (two_fields, "its data must be in int_contents, got fp32_contents"),
        (half_typed, "data-type is 'FP16', but model 'adder' expects 'INT32'"),
        (odd_datatype, "invalid datatype for input INPUT0"),
        (too_short, "must have 4 elements for shape [1, 4], got 3"),
        (negative_shape, "whole numbers >= 0"),
        (huge_shape, "has a shape of more than 2147483647 elements"),
        (out_of_range, "data-type is 'INT8', but model 'adder' expects 'INT32'"),
        (same_name, "input 'INPUT0' for model 'adder' is given more than once"),
        (empty_parameter, "parameter 'k' must have a value"),
        (shared_memory, "input 'INPUT0' is in shared memory, which is not offered"),
        (unknown_output, "unexpected inference output 'NOPE' for model 'adder'"),
        (same_output, "output 'SUM' for model 'adder' is given more than once"),
    ],
)
def test_message_that_makes_no_sense_is_refused(
    spoil: Callable[[pb.ModelInferRequest], Any], words: str
):
    request = pair()
    spoil(request)

    with pytest.raises(InvalidInput) as caught:
        read_call(ADDER, request)

    assert words in str(caught.value)

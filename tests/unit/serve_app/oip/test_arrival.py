import pickle

import numpy as np
import pytest
from google.protobuf.message import DecodeError
from hypothesis import given
from hypothesis import strategies as st

from serve_app.oip import arrival as arrivals
from serve_app.oip import inference_pb2 as pb
from serve_app.oip.arrival import MOST_FIELDS, arrived, of_message, split

RAW = b"\x3a"
"""The key of a raw tensor on the wire: field 7, counted."""


@st.composite
def requests(draw):
    """Requests with every kind of field that the message has."""
    message = pb.ModelInferRequest(
        model_name=draw(st.text(max_size=200)), id=draw(st.text(max_size=3))
    )
    for name in draw(st.lists(st.text(max_size=3), max_size=3)):
        message.inputs.add(
            name=name, datatype="FP32", shape=draw(st.lists(st.integers(-1, 2**40)))
        )
        message.outputs.add(name=name)
    message.parameters["priority"].int64_param = draw(st.integers(-(2**63), 2**63 - 1))
    message.parameters["temperature"].double_param = draw(st.floats(allow_nan=False))
    message.raw_input_contents.extend(draw(st.lists(st.binary(max_size=300))))
    return message


def without_raw(message):
    twin = pb.ModelInferRequest()
    twin.CopyFrom(message)
    twin.ClearField("raw_input_contents")
    return twin


@given(requests())
def test_arrival_holds_what_protobuf_reads(message):
    content = message.SerializeToString()

    arrival = arrived(content)

    assert arrival.head == without_raw(message)
    assert list(map(bytes, arrival.raw)) == list(message.raw_input_contents)
    assert arrival.size_bytes == len(content) == of_message(message).size_bytes


@given(requests())
def test_an_arrival_survives_the_way_through_another_process(message):
    for arrival in (arrived(message.SerializeToString()), of_message(message)):
        there = pickle.loads(pickle.dumps(arrival))

        assert there.head == arrival.head
        assert there.raw == list(message.raw_input_contents)
        assert there.size_bytes == arrival.size_bytes


def check_against_protobuf(content):
    try:
        message = pb.ModelInferRequest.FromString(content)
    except DecodeError:
        with pytest.raises(DecodeError):
            arrived(content)
    else:
        arrival = arrived(content)
        assert list(map(bytes, arrival.raw)) == list(message.raw_input_contents)
        assert without_raw(arrival.head) == without_raw(message)


@given(st.binary(max_size=80))
def test_any_bytes_are_read_or_refused_as_protobuf_does(content):
    check_against_protobuf(content)


@given(requests(), st.data())
def test_message_that_was_cut_short_is_read_or_refused_as_protobuf_does(message, data):
    whole = message.SerializeToString()

    check_against_protobuf(whole[: data.draw(st.integers(0, len(whole)))])


def test_raw_tensor_is_not_copied():
    content = pb.ModelInferRequest(raw_input_contents=[bytes(1000)]).SerializeToString()

    (raw,) = arrived(content).raw

    assert np.shares_memory(
        np.frombuffer(raw, np.uint8), np.frombuffer(content, np.uint8)
    )


@pytest.mark.parametrize(
    "content",
    [
        RAW + b"\x05abc",
        RAW + b"\x80" * 11,
        RAW + b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01",
        b"\x0b",
        b"\x00",
    ],
    ids=["too short", "endless size", "huge size", "open group", "field 0"],
)
def test_broken_message_is_refused_as_protobuf_does(content):
    with pytest.raises(DecodeError):
        pb.ModelInferRequest.FromString(content)
    with pytest.raises(DecodeError):
        arrived(content)


def test_neighbouring_fields_are_kept_in_one_piece():
    before, after = b"\x0a\x01m" + b"\x58\x00" * 50, b"\x58\x00" * 30
    content = before + RAW + b"\x02ab" + after

    kept, raw = split(memoryview(content))

    assert list(map(bytes, kept)) == [before, after]
    assert list(map(bytes, raw)) == [b"ab"]


@pytest.mark.parametrize("field", [b"\x58\x00", RAW + b"\x00"], ids=["small", "raw"])
@pytest.mark.parametrize(
    ("fields", "is_walked"), [(0, True), (1, False), (10**5, False)]
)
def test_message_of_very_many_fields_is_left_to_protobuf(
    monkeypatch, field, fields, is_walked
):
    reads, read = [], arrivals._varint

    def counted(content, at):
        reads.append(at)
        return read(content, at)

    monkeypatch.setattr(arrivals, "_varint", counted)
    content = field * (MOST_FIELDS + fields)

    arrival = arrived(content)

    assert isinstance(arrival.raw, list) == is_walked
    assert len(reads) == 2 * MOST_FIELDS
    assert list(map(bytes, arrival.raw)) == list(
        pb.ModelInferRequest.FromString(content).raw_input_contents
    )

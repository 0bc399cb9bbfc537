"""Bodies that are no request are refused with the reason."""

from typing import Any

import httpx
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployments.errors import InvalidInput
from serve_app.oip.http_codec import read_call
from tests.fakes_protocol import ADDER, VISION
from tests.wire_messages import (
    ADD,
    LENGTH,
    PIXELS,
    SCORE,
    addition,
    binary_input,
    number,
    packed,
    scoring,
)

NO_OBJECT = [
    b"",
    b"{",
    b"[]",
    b'"x"',
    b"\xff\xfe",
    b"[" * 10_000,
    b"[" * 999 + b"]" * 999,
]


@pytest.mark.parametrize("body", NO_OBJECT)
async def test_body_that_is_no_json_object_is_refused(
    client: httpx.AsyncClient, body: bytes
):
    response = await client.post(ADD, content=body)

    assert response.status_code == 400
    assert "request JSON" in response.json()["error"]


@pytest.mark.parametrize("number", [b"NaN", b"Infinity", b"-Infinity", b"1e999"])
async def test_number_that_is_not_finite_is_no_json(
    client: httpx.AsyncClient, number: bytes
):
    body = orjson.dumps(addition()).replace(b"[1,2,3,4]", b"[1,2,3," + number + b"]")

    response = await client.post(ADD, content=body)

    assert response.status_code == 400
    assert response.json()["error"].startswith("failed to parse the request JSON")


@pytest.mark.parametrize("depth", [5, 900])
async def test_deeply_nested_data_is_refused(client: httpx.AsyncClient, depth: int):
    nested = b"[" * depth + b"1" + b"]" * depth
    body = orjson.dumps(addition()).replace(b"[1,2,3,4]", nested)

    response = await client.post(ADD, content=body)

    assert response.status_code == 400
    assert "is not nested as shape [1, 4] says" in response.json()["error"]


REFUSED = [
    ({"inputs": {}}, "inputs must be a list of objects"),
    ({"inputs": [7]}, "inputs must be a list of objects"),
    ({}, "expected 2 inputs but got 0 inputs for model 'adder'"),
    (addition(id=7), "the request's id must be a string"),
    (addition(parameters=[]), "parameters must be an object"),
    (addition(parameters={"k": None}), "parameter 'k' must be a boolean"),
    (addition(parameters={"binary_data_output": 1}), "must be true or false"),
    (addition(outputs=[{}]), "unexpected inference output 'None'"),
    (
        addition(outputs=[{"name": "NOPE"}]),
        "unexpected inference output 'NOPE' for model 'adder'",
    ),
    (
        addition(outputs=[{"name": "SUM"}, {"name": "SUM"}]),
        "output 'SUM' for model 'adder' is given more than once",
    ),
    (
        addition(outputs=[{"name": "SUM", "parameters": {"classification": 0}}]),
        "parameter 'classification' of output 'SUM' must be a whole number >= 1",
    ),
    (
        addition(outputs=[{"name": "TEXT", "parameters": {"classification": 1}}]),
        "output 'TEXT' of model 'adder' has no classes to name",
    ),
    (addition(outputs=[{"name": "HALF"}]), "output 'HALF' is FP16: ask for it"),
    (
        {"inputs": [number("INPUT0", 1, 2, 3, 4)] * 2},
        "input 'INPUT0' for model 'adder' is given more than once",
    ),
    (
        {"inputs": [{**number("INPUT0"), "datatype": "INT"}]},
        "invalid datatype for input",
    ),
    ({"inputs": [{**number("INPUT0"), "shape": [-1, 4]}]}, "whole numbers >= 0"),
    ({"inputs": [number("INPUT0", 1)]}, "must have 4 elements for shape [1, 4], got 1"),
    (
        {"inputs": [{**number("INPUT0"), "parameters": {"shared_memory_region": "r"}}]},
        "input 'INPUT0' is in shared memory, which is not offered here",
    ),
    (
        {"inputs": [{**number("INPUT0"), "parameters": {"binary_data_size": 16}}]},
        "has both data and binary_data_size",
    ),
]


@pytest.mark.parametrize(("message", "words"), REFUSED)
async def test_request_that_makes_no_sense_is_refused(
    client: httpx.AsyncClient, message: dict[str, Any], words: str
):
    response = await client.post(ADD, json=message)

    assert response.status_code == 400, response.text
    assert words in response.json()["error"]


@pytest.mark.parametrize(
    "length", ["-1", "x", "", "1e3", "٣", "9" * 400, "99999", "5", "0"]
)
async def test_header_length_that_lies_is_refused(
    client: httpx.AsyncClient, length: str
):
    body, _ = packed(scoring(), PIXELS.tobytes())

    response = await client.post(
        SCORE, content=body, headers=[(LENGTH.encode(), length.encode())]
    )

    assert response.status_code == 400
    assert set(response.json()) == {"error"}


@pytest.mark.parametrize("shift", [-1, 1])
async def test_header_length_off_by_one_is_refused(
    client: httpx.AsyncClient, shift: int
):
    body, headers = packed(scoring(), PIXELS.tobytes())

    response = await client.post(
        SCORE, content=body, headers={LENGTH: str(int(headers[LENGTH]) + shift)}
    )

    assert response.status_code == 400


@pytest.mark.parametrize("size", [-1, 0, 767, 769, 2**60, 768.0, "768", True])
async def test_binary_size_that_lies_is_refused(client: httpx.AsyncClient, size: Any):
    given = binary_input("pixels", PIXELS, "FP32")
    given["parameters"]["binary_data_size"] = size
    body, headers = packed({"inputs": [given]}, PIXELS.tobytes())

    response = await client.post(SCORE, content=body, headers=headers)

    assert response.status_code == 400
    assert set(response.json()) == {"error"}


async def test_bytes_that_no_input_claims_are_refused(client: httpx.AsyncClient):
    body, headers = packed(scoring(), PIXELS.tobytes(), b"!!")

    response = await client.post(SCORE, content=body, headers=headers)

    assert response.json() == {"error": "the body has 2 bytes that belong to no input"}


async def test_binary_size_without_the_header_finds_no_bytes(client: httpx.AsyncClient):
    response = await client.post(SCORE, json=scoring())

    assert "must have a binary_data_size from 0 to 0" in response.json()["error"]


async def test_text_that_json_cannot_hold_must_be_asked_for_as_binary(
    client: httpx.AsyncClient,
):
    inputs = [number("INPUT0", 255, 0, 0, 0), number("INPUT1", 0, 0, 0, 0)]
    message = {"inputs": inputs, "outputs": [{"name": "TEXT"}]}

    response = await client.post(ADD, json=message)

    assert response.status_code == 400
    assert "holds bytes that are not UTF-8: ask for it" in response.json()["error"]


JUNK = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-2, 5)
    | st.floats(0, 2)
    | st.text(max_size=2),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner),
    max_leaves=6,
)
PARAMETERS = JUNK | st.dictionaries(
    st.sampled_from(["binary_data_size", "binary_data", "classification", "k"]), JUNK
)
TENSORS = st.fixed_dictionaries(
    {
        "name": st.sampled_from(["INPUT0", "INPUT1", "SUM"]) | JUNK,
        "datatype": st.sampled_from(["INT32", "BYTES", "FP16"]) | JUNK,
        "shape": st.just([1, 4]) | st.lists(st.integers(-1, 4)) | JUNK,
    },
    optional={"data": st.just([1, 2, 3, 4]) | JUNK, "parameters": PARAMETERS},
)
MESSAGES = st.fixed_dictionaries(
    {"inputs": st.lists(TENSORS, max_size=3) | JUNK},
    optional={
        "outputs": st.lists(TENSORS, max_size=2) | JUNK,
        "parameters": PARAMETERS,
        "id": st.text() | JUNK,
    },
)


@given(MESSAGES, st.none() | st.integers(-9, 1))
def test_any_object_is_a_call_or_refused(message: Any, lie: int | None):
    body = orjson.dumps(message)
    length = None if lie is None else str(len(body) + lie)
    try:
        call = read_call(ADDER, body, length)
    except InvalidInput:
        return
    assert call.outputs


@given(st.binary(max_size=200), st.none() | st.text(max_size=5))
def test_any_bytes_are_a_call_or_refused(body: bytes, length: str | None):
    try:
        call = read_call(VISION, body, length)
    except InvalidInput:
        return
    assert call.outputs

"""What the HTTP routes of the Open Inference Protocol answer."""

import gzip
import zlib
from collections.abc import Callable
from typing import Any

import httpx
import numpy as np
import pytest

from tests.fakes_protocol import JPEG, FakeService
from tests.wire_messages import (
    ADD,
    LENGTH,
    PIXELS,
    SCORE,
    SEE,
    addition,
    packed,
    scoring,
    unpacked,
)


@pytest.mark.parametrize(
    ("path", "answer"),
    [
        ("/v2/health/live", {"live": True}),
        ("/v2/health/ready", {"live": True, "ready": True}),
        ("/v2/models", {"models": ["vision", "tabular", "adder", "scorer"]}),
        ("/v2/models/adder/ready", {"name": "adder", "ready": True}),
        ("/v2/models/adder/versions/1/ready", {"name": "adder", "ready": True}),
    ],
)
async def test_state_is_told_as_json(client: httpx.AsyncClient, path: str, answer: Any):
    response = await client.get(path)

    assert (response.status_code, response.json()) == (200, answer)


async def test_state_says_when_it_is_not_ready(
    client: httpx.AsyncClient, service: FakeService
):
    service.is_ready = False

    server = await client.get("/v2/health/ready")
    model = await client.get("/v2/models/adder/ready")

    assert (server.status_code, server.json()) == (503, {"live": True, "ready": False})
    assert model.status_code == 503
    assert model.json()["error"] == "Model version not ready"


@pytest.mark.parametrize("path", ["/v2", "/v2/", "/v2?verbose=1"])
async def test_server_tells_its_extensions(client: httpx.AsyncClient, path: str):
    response = await client.get(path)

    assert response.json()["name"] == "headwater"
    assert "binary_tensor_data" in response.json()["extensions"]


@pytest.mark.parametrize("path", ["/v2/models/scorer", "/v2/models/scorer/versions/3"])
async def test_model_tells_its_tensors(client: httpx.AsyncClient, path: str):
    response = await client.get(path)

    assert response.json() == {
        "name": "scorer",
        "versions": ["3"],
        "platform": "onnxruntime_onnx",
        "inputs": [{"name": "pixels", "datatype": "FP32", "shape": [-1, 8, 8, 3]}],
        "outputs": [{"name": "logits", "datatype": "FP32", "shape": [-1, 4]}],
        "properties": {"variant": "int8-onnx"},
    }


async def test_model_tells_its_limits(client: httpx.AsyncClient):
    config = (await client.get("/v2/models/scorer/config")).json()

    assert config["max_batch_size"] == 8
    assert config["input"][0]["dims"] == [8, 8, 3]
    assert config["dynamic_batching"]["max_queue_delay_microseconds"] == 2000


async def test_json_is_answered_with_json(client: httpx.AsyncClient):
    response = await client.post(ADD, json=addition(id="seven"))

    assert response.headers["content-type"] == "application/json"
    assert response.json() == {
        "model_name": "adder",
        "model_version": "1",
        "id": "seven",
        "outputs": [
            {
                "name": "SUM",
                "datatype": "INT32",
                "shape": [1, 4],
                "data": [11, 22, 33, 44],
            }
        ],
    }


async def test_binary_tensor_is_answered_with_binary_tensors(client: httpx.AsyncClient):
    message = scoring(parameters={"binary_data_output": True})
    body, headers = packed(message, PIXELS.tobytes())

    head, tail = unpacked(await client.post(SCORE, content=body, headers=headers))

    assert head["outputs"][0]["parameters"] == {"binary_data_size": 16}
    assert np.frombuffer(tail, np.float32).tolist() == [0, 1, 2, 3]


async def test_binary_is_chosen_output_by_output(client: httpx.AsyncClient):
    outputs = [
        {"name": "TEXT", "parameters": {"binary_data": False}},
        {"name": "HALF"},
        {"name": "SUM", "parameters": {"binary_data": True}},
    ]
    message = addition(outputs=outputs, parameters={"binary_data_output": True})

    head, tail = unpacked(await client.post(ADD, json=message))

    assert [o["name"] for o in head["outputs"]] == ["TEXT", "HALF", "SUM"]
    assert head["outputs"][0]["data"] == ["11", "22", "33", "44"]
    assert np.frombuffer(tail[:8], np.float16).tolist() == [11, 22, 33, 44]
    assert np.frombuffer(tail[8:], np.int32).tolist() == [11, 22, 33, 44]


async def test_encoded_image_is_a_bytes_element(
    client: httpx.AsyncClient, service: FakeService
):
    given = {
        "name": "image",
        "datatype": "BYTES",
        "shape": [1],
        "parameters": {"binary_data_size": len(JPEG) + 4},
    }
    body, headers = packed({"inputs": [given]}, len(JPEG).to_bytes(4, "little"), JPEG)

    response = await client.post(SEE, content=body, headers=headers)

    assert service.requests[0].inputs["image"].tolist() == [JPEG]
    assert response.json()["outputs"][0]["data"] == ["tiger shark", "great white shark"]


async def test_body_alone_is_the_only_input(client: httpx.AsyncClient):
    response = await client.post(SEE, content=JPEG, headers={LENGTH: "0"})

    head, _ = unpacked(response)
    assert [o["shape"] for o in head["outputs"]] == [[1, 2], [1, 2], [1, 2]]
    assert all("binary_data_size" in o["parameters"] for o in head["outputs"])


async def test_body_alone_may_be_numbers(client: httpx.AsyncClient):
    raw = {LENGTH: "0"}

    _, tail = unpacked(await client.post(SCORE, content=PIXELS.tobytes(), headers=raw))

    assert np.frombuffer(tail, np.float32).tolist() == [0, 1, 2, 3]


@pytest.mark.parametrize(
    ("path", "body", "words"),
    [
        (SCORE, bytes(5), "must have 768 bytes for shape [1, 8, 8, 3], got 5"),
        (ADD, bytes(16), "needs a model with 1 input, 'adder' has 2"),
    ],
)
async def test_body_alone_must_fit(
    client: httpx.AsyncClient, path: str, body: bytes, words: str
):
    response = await client.post(path, content=body, headers={LENGTH: "0"})

    assert response.status_code == 400
    assert words in response.json()["error"]


async def test_classes_are_named(client: httpx.AsyncClient):
    wanted = {"name": "logits", "parameters": {"classification": 2}}
    body, headers = packed(scoring(outputs=[wanted]), PIXELS.tobytes())

    output = (await client.post(SCORE, content=body, headers=headers)).json()["outputs"]

    assert output[0]["datatype"] == "BYTES"
    assert output[0]["data"] == [
        "3.000000:3:tiger shark",
        "2.000000:2:great white shark",
    ]


async def test_parameters_reach_the_model(
    client: httpx.AsyncClient, service: FakeService
):
    await client.post(
        ADD, json=addition(parameters={"k": 3, "binary_data_output": False})
    )

    assert service.requests[0].parameters == {"k": 3}


@pytest.mark.parametrize(
    ("encoding", "pack"), [("gzip", gzip.compress), ("deflate", zlib.compress)]
)
async def test_packed_body_is_unpacked(
    client: httpx.AsyncClient, encoding: str, pack: Callable[[bytes], bytes]
):
    body, headers = packed(scoring(), PIXELS.tobytes())

    response = await client.post(
        SCORE, content=pack(body), headers={**headers, "Content-Encoding": encoding}
    )

    assert response.json()["outputs"][0]["data"] == [0, 1, 2, 3]

"""The routes for people."""

from typing import Any

import httpx
import pytest

from deployments.errors import Overloaded
from tests.fakes_protocol import JPEG, LIMIT_BYTES, FakeService

VISION = "/v1/pipelines/vision"
TABULAR = "/v1/pipelines/tabular"


async def test_pipelines_are_listed_with_their_members(client: httpx.AsyncClient):
    pipelines = (await client.get("/v1/pipelines")).json()["pipelines"]

    assert [pipeline["name"] for pipeline in pipelines] == ["vision", "tabular"]
    assert pipelines[0]["title"] == "What is in the picture"
    assert pipelines[0]["members"] == ["scorer"]


@pytest.mark.parametrize(
    "kind", ["application/x-www-form-urlencoded", "image/png", "no kind at all"]
)
async def test_photo_is_labelled_whatever_it_is_called(
    client: httpx.AsyncClient, kind: str
):
    response = await client.post(VISION, content=JPEG, headers={"Content-Type": kind})

    answer = response.json()
    assert answer.pop("took_ms") >= 0
    assert answer == {
        "pipeline": "vision",
        "labels": [
            {"label": "tiger shark", "class_index": 3, "probability": 0.4},
            {"label": "great white shark", "class_index": 2, "probability": 0.3},
        ],
    }


async def test_number_of_labels_can_be_asked_for(client: httpx.AsyncClient):
    response = await client.post(f"{VISION}?k=3", content=JPEG)

    assert len(response.json()["labels"]) == 3


async def test_pipeline_of_tensors_takes_and_gives_json(client: httpx.AsyncClient):
    response = await client.post(TABULAR, json={"inputs": {"features": [[1, 2.5, 3]]}})

    assert response.json()["outputs"] == {"probability": [[1.0, 2.5]]}


REFUSED = [
    ("/v1/pipelines/no", JPEG, {}, 404, "Request for unknown model: 'no' is not found"),
    ("/v1/pipelines/scorer", JPEG, {}, 404, "unknown model: 'scorer' is not found"),
    (VISION, b"", {}, 400, "the request body is empty"),
    (VISION, b"PK", {}, 400, "input 'image' is not an image"),
    (f"{VISION}?k=x", JPEG, {}, 400, "k must be a whole number >= 1, got 'x'"),
    (f"{VISION}?k=-1", JPEG, {}, 400, "k must be a whole number >= 1, got '-1'"),
    (VISION, bytes(LIMIT_BYTES + 1), {}, 413, "request body must be at most"),
    (VISION, JPEG, {"Content-Encoding": "br"}, 415, "unsupported 'br'"),
    (
        VISION,
        JPEG,
        {"Content-Type": "multipart/form-data; boundary=x"},
        415,
        "send the file itself as the body, as `curl --data-binary @FILE` does",
    ),
    (TABULAR, b"{}", {}, 400, "must have inputs: an object of nested lists"),
    (TABULAR, b"[]", {}, 400, "the request JSON must be an object"),
    (TABULAR, b'{"inputs": {"x": []}}', {}, 400, "unexpected inference input 'x'"),
    (TABULAR, b'{"inputs": {"features": 1}}', {}, 400, "data as a list"),
    (TABULAR, b'{"inputs": {"features": [[1], [1, 2]]}}', {}, 400, "is not nested"),
    (TABULAR, b'{"inputs": {"features": [[1]]}}', {}, 400, "unexpected shape"),
]


@pytest.mark.parametrize(("path", "body", "headers", "status", "words"), REFUSED)
async def test_refusal_is_a_problem_with_its_reason(
    client: httpx.AsyncClient,
    path: str,
    body: bytes,
    headers: Any,
    status: int,
    words: str,
):
    response = await client.post(path, content=body, headers=headers)

    problem = response.json()
    assert response.headers["content-type"] == "application/problem+json"
    assert (response.status_code, problem["status"]) == (status, status)
    assert words in problem["detail"]
    assert set(problem) == {"type", "title", "status", "detail"}


async def test_client_is_told_when_to_come_back(
    client: httpx.AsyncClient, service: FakeService
):
    service.error = Overloaded("vision", 64, 0.2)

    response = await client.post(VISION, content=JPEG)

    assert (response.status_code, response.headers["retry-after"]) == (503, "1")
    assert response.json()["title"] == "Service Unavailable"


async def test_failure_of_ours_is_told_without_its_cause(
    client: httpx.AsyncClient, service: FakeService
):
    service.error = RuntimeError("/etc/secret")

    response = await client.post(VISION, content=JPEG)

    assert response.status_code == 500
    assert response.json()["detail"] == "internal error"


async def test_answer_tells_how_it_came_about(
    client: httpx.AsyncClient, service: FakeService
):
    service.told = {"ensemble_partial": True}

    answer = await client.post("/v1/pipelines/vision", content=JPEG)

    assert answer.json()["parameters"] == {"ensemble_partial": True}

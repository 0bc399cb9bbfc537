"""Statistics and the model repository over HTTP."""

import json
from collections.abc import AsyncIterator

import httpx
import pytest

from serve_app.http import build_http
from serve_app.limits import Limits
from tests.fakes_operator import BROKEN, TOLD, FakeControl
from tests.fakes_protocol import LIMIT_BYTES, FakeService


@pytest.fixture
def control() -> FakeControl:
    return FakeControl()


@pytest.fixture
async def operator(control: FakeControl) -> AsyncIterator[httpx.AsyncClient]:
    app = build_http(FakeService(), Limits(max_body_bytes=LIMIT_BYTES), control)
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://gate") as caller:
        yield caller


async def test_statistics_of_a_model_have_the_words_of_the_extension(
    operator: httpx.AsyncClient,
):
    answer = await operator.get("/v2/models/scorer/versions/3/stats")

    (one,) = answer.json()["model_stats"]
    assert (one["name"], one["version"]) == ("scorer", "3")
    assert one["last_inference"] == TOLD.last_inference_ms
    assert (one["inference_count"], one["execution_count"]) == (12, 4)
    assert one["inference_stats"]["success"] == {"count": 0, "ns": 0}
    assert one["inference_stats"]["compute_infer"] == {"count": 4, "ns": 4000}
    assert one["inference_stats"]["cache_miss"] == {"count": 7, "ns": 7000}
    assert one["response_stats"] == {}
    assert one["ensemble_stats"] == {"rows": 3, "exits": {"1": 2}}
    assert one["residency_stats"]["resident"] == {"openvino": 1}
    assert one["batch_stats"] == [
        {
            "batch_size": 3,
            "compute_input": {"count": 4, "ns": 40},
            "compute_infer": {"count": 4, "ns": 400},
            "compute_output": {"count": 4, "ns": 4},
        }
    ]
    assert one["memory_usage"] == [
        {"type": "CPU", "id": 0, "byte_size": 2**33},
        {"type": "GPU", "id": 0, "byte_size": 5},
    ]


async def test_stats_of_everything_is_no_model_of_that_name(
    operator: httpx.AsyncClient,
):
    answer = await operator.get("/v2/models/stats")

    assert [one["name"] for one in answer.json()["model_stats"]] == ["adder", "scorer"]


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("nope", "Request for unknown model: 'nope' is not found"),
        (
            "scorer/versions/9",
            "Request for unknown model: 'scorer' version 9 is not found",
        ),
    ],
)
async def test_statistics_of_what_is_not_served_are_not_found(
    operator: httpx.AsyncClient, path: str, text: str
):
    answer = await operator.get(f"/v2/models/{path}/stats")

    assert (answer.status_code, answer.json()) == (404, {"error": text})


async def test_index_needs_no_body_and_tells_each_replica(operator: httpx.AsyncClient):
    answer = await operator.post("/v2/repository/index")

    adder, _, broken = answer.json()
    assert (adder["name"], adder["version"], adder["state"]) == ("adder", "1", "READY")
    assert adder["replicas"] == [
        {
            "replica": "a",
            "state": "READY",
            "reason": "",
            "resident_bytes": 7,
            "runtime": "openvino",
        },
        {
            "replica": "b",
            "state": "LOADING",
            "reason": "loads since 2 s",
            "resident_bytes": 0,
            "runtime": "",
        },
    ]
    assert (broken["state"], broken["reason"]) == ("UNAVAILABLE", "its file is damaged")


async def test_index_of_what_is_ready_leaves_out_the_rest(operator: httpx.AsyncClient):
    answer = await operator.post("/v2/repository/index", json={"ready": True})

    assert [one["name"] for one in answer.json()] == ["adder", "scorer"]


async def test_load_without_a_body_changes_no_setting(
    operator: httpx.AsyncClient, control: FakeControl
):
    answer = await operator.post("/v2/repository/models/scorer/load")

    assert (answer.status_code, answer.content) == (200, b"")
    assert control.loaded == [("scorer", None)]


async def test_load_takes_a_config_as_text(
    operator: httpx.AsyncClient, control: FakeControl
):
    config = {"max_batch_size": 4, "dynamic_batching": {}}

    await operator.post(
        "/v2/repository/models/scorer/load",
        json={"parameters": {"config": json.dumps(config)}},
    )

    assert control.loaded == [("scorer", config)]


@pytest.mark.parametrize(
    ("name", "status", "text"),
    [
        ("nope", 404, "failed to load 'nope', failed to poll from model repository"),
        (BROKEN, 503, "failed to load 'broken': its file is damaged"),
    ],
)
async def test_load_that_fails_says_why(
    operator: httpx.AsyncClient, name: str, status: int, text: str
):
    answer = await operator.post(f"/v2/repository/models/{name}/load", json={})

    assert (answer.status_code, answer.json()) == (status, {"error": text})


@pytest.mark.parametrize(
    ("body", "status", "text"),
    [
        (
            {"parameters": {"file:1/model.onnx": "AAAA"}},
            501,
            "loading a model's files from a request is not offered here",
        ),
        (
            {"parameters": {"config": {"max_batch_size": 1}}},
            400,
            "parameter 'config' must be a string of JSON",
        ),
        (
            {"parameters": {"config": "[]"}},
            400,
            "parameter 'config' must be a JSON object",
        ),
        (
            {"parameters": {"settings": "{}"}},
            400,
            "unexpected parameter 'settings': known are config",
        ),
        ({"parameters": []}, 400, "parameters must be an object"),
        (
            {"config": "{}"},
            400,
            "unexpected parameter 'config': known are parameters",
        ),
        ([], 400, "the request JSON must be an object"),
        (
            {"parameters": {"config": '{"max_batch_size": "8"}'}},
            400,
            "scorer: max_batch_size must be an integer",
        ),
    ],
)
async def test_load_that_makes_no_sense_changes_nothing(
    operator: httpx.AsyncClient,
    control: FakeControl,
    body: object,
    status: int,
    text: str,
):
    answer = await operator.post("/v2/repository/models/scorer/load", json=body)

    assert (answer.status_code, answer.json()) == (status, {"error": text})
    assert control.loaded == []


async def test_unload_takes_dependents_along_when_told(
    operator: httpx.AsyncClient, control: FakeControl
):
    for body in ({}, {"parameters": {"unload_dependents": True}}):
        answer = await operator.post("/v2/repository/models/scorer/unload", json=body)
        assert (answer.status_code, answer.content) == (200, b"")

    assert control.unloaded == [("scorer", False), ("scorer", True)]


async def test_unload_refuses_a_flag_that_is_none(
    operator: httpx.AsyncClient, control: FakeControl
):
    answer = await operator.post(
        "/v2/repository/models/scorer/unload",
        json={"parameters": {"unload_dependents": "yes"}},
    )

    assert answer.status_code == 400
    assert answer.json() == {
        "error": "parameter 'unload_dependents' must be true or false"
    }
    assert control.unloaded == []


@pytest.mark.parametrize(
    ("verb", "path", "what"),
    [
        ("GET", "models/stats", "statistics are"),
        ("POST", "repository/index", "model control is"),
        ("POST", "repository/models/scorer/load", "model control is"),
        ("POST", "repository/models/scorer/unload", "model control is"),
    ],
)
async def test_door_without_control_says_that_it_has_none(
    client: httpx.AsyncClient, verb: str, path: str, what: str
):
    answer = await client.request(verb, f"/v2/{path}")

    assert answer.status_code == 501
    assert answer.json() == {"error": f"{what} not offered here"}


@pytest.mark.parametrize("call", ["index", "models/adder/load", "models/adder/unload"])
async def test_named_repository_is_refused_as_there_is_one_without_a_name(
    operator: httpx.AsyncClient, control: FakeControl, call: str
):
    answer = await operator.post(f"/v2/repository/other/{call}")

    told = "there is one repository: 'repository_name' is not offered here"
    assert (answer.status_code, answer.json()) == (501, {"error": told})
    assert (control.loaded, control.unloaded) == ([], [])

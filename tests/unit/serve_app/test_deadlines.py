"""Deadlines and priorities reach the service through every door."""

import asyncio
import time

import httpx
import numpy as np
import pytest
from grpc import StatusCode

from deployments.errors import DeadlineExceeded, QueueTimeout
from deployments.messages import CALM
from serve_app.oip import inference_pb2 as pb
from serve_app.oip.deadlines import LEFT_MS
from serve_app.oip.grpc import GrpcFront
from tests.fakes_protocol import JPEG, FakeContext, FakeService

HEADER = "x-request-timeout-ms"


def body(**parameters):
    inputs = [
        {"name": name, "datatype": "INT32", "shape": [1, 4], "data": [1, 2, 3, 4]}
        for name in ("INPUT0", "INPUT1")
    ]
    outputs = [{"name": "SUM"}]
    return {"inputs": inputs, "outputs": outputs, "parameters": parameters}


def message(**parameters):
    request = pb.ModelInferRequest(model_name="adder")
    for name in ("INPUT0", "INPUT1"):
        request.inputs.add(name=name, datatype="INT32", shape=[1, 4])
        request.raw_input_contents.append(np.ones(4, np.int32).tobytes())
    for name, value in parameters.items():
        request.parameters[name].int64_param = value
    return request


async def infer(client: httpx.AsyncClient, within_ms=None, **parameters):
    headers = {} if within_ms is None else {HEADER: within_ms}
    return await client.post(
        "/v2/models/adder/infer", json=body(**parameters), headers=headers
    )


async def test_request_that_says_nothing_is_calm(
    client: httpx.AsyncClient, front: GrpcFront, service: FakeService
):
    await infer(client)
    await front.ModelInfer(message(), FakeContext())

    assert [request.urgency for request in service.requests] == [CALM, CALM]


async def test_http_header_is_a_deadline(
    client: httpx.AsyncClient, service: FakeService
):
    before_s = time.monotonic()

    assert (await infer(client, "30000")).status_code == 200

    deadline_s = service.requests[0].urgency.deadline_s
    assert deadline_s is not None
    assert before_s + 30 <= deadline_s <= time.monotonic() + 30


async def test_http_parameters_are_timeout_and_priority(
    client: httpx.AsyncClient, service: FakeService
):
    await infer(client, timeout=5_000_000, priority=2)

    urgency = service.requests[0].urgency
    assert (urgency.timeout_s, urgency.priority) == (5.0, 2)


async def test_route_for_people_takes_the_header_too(
    client: httpx.AsyncClient, service: FakeService
):
    await client.post("/v1/pipelines/vision", content=JPEG, headers={HEADER: "30000"})

    assert service.requests[0].urgency.deadline_s is not None


async def test_nonsense_is_refused_in_the_words_of_its_route(
    client: httpx.AsyncClient, service: FakeService
):
    oip = await infer(client, "soon")
    friendly = await client.post(
        "/v1/pipelines/vision", content=JPEG, headers={HEADER: "soon"}
    )

    assert (oip.status_code, friendly.status_code) == (400, 400)
    assert "x-request-timeout-ms must be a number" in oip.json()["error"]
    assert "x-request-timeout-ms must be a number" in friendly.json()["detail"]
    assert service.requests == []


async def test_grpc_metadata_and_parameters_are_as_over_http(
    front: GrpcFront, service: FakeService
):
    context = FakeContext()
    context.metadata = [(HEADER, "30000")]

    await front.ModelInfer(message(priority=3, timeout=1_000_000), context)

    urgency = service.requests[0].urgency
    assert urgency.deadline_s is not None
    assert (urgency.timeout_s, urgency.priority) == (1.0, 3)


@pytest.mark.parametrize(("left_ms", "limit_s"), [("5000.0", 5), ("60000.0", 30)])
async def test_grpc_deadline_counts_where_it_is_the_sooner_one(
    front: GrpcFront, service: FakeService, left_ms: str, limit_s: float
):
    context = FakeContext()
    context.metadata = [(HEADER, "30000"), (LEFT_MS, left_ms)]
    before_s = time.monotonic()

    await front.ModelInfer(message(), context)

    deadline_s = service.requests[0].urgency.deadline_s
    assert deadline_s is not None
    assert before_s + limit_s <= deadline_s <= time.monotonic() + limit_s


async def test_missed_deadline_is_504_and_deadline_exceeded(
    client: httpx.AsyncClient, front: GrpcFront, service: FakeService
):
    service.error = DeadlineExceeded("adder", 0.01, 0.03)
    context = FakeContext()

    answer = await infer(client)
    await front.ModelInfer(message(), context)

    text = "deadline exceeded: 'adder' needs 30.0 ms at best, 10.0 ms are left"
    assert (answer.status_code, answer.json()) == (504, {"error": text})
    assert (context.code, context.details) == (StatusCode.DEADLINE_EXCEEDED, text)


async def test_expired_wait_is_answered_as_triton_does(
    client: httpx.AsyncClient, front: GrpcFront, service: FakeService
):
    service.error = QueueTimeout("adder", 0.5)
    context = FakeContext()

    answer = await infer(client)
    await front.ModelInfer(message(), context)

    assert answer.status_code == 503
    assert answer.json()["error"].startswith("Request timeout expired")
    assert context.code == StatusCode.UNAVAILABLE


async def test_request_that_runs_when_its_deadline_comes_is_ended(
    client: httpx.AsyncClient, service: FakeService
):
    service.gate.clear()

    answer = await asyncio.wait_for(infer(client, "20"), 30)

    assert answer.status_code == 504
    assert service.cancelled.is_set()

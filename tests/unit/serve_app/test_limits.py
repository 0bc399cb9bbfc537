"""What all callers together may send, over both doors."""

import asyncio
import gzip
from collections.abc import AsyncIterator
from typing import Any

import httpx
import orjson
import pytest
from grpc import StatusCode

from deployments.budget import Budget
from serve_app.http import build_http
from serve_app.limits import Limits
from serve_app.oip import inference_pb2 as pb
from serve_app.oip.grpc import GrpcFront
from tests.fakes_protocol import JPEG, FakeContext, FakeService
from tests.wire_messages import ADD, PIXELS, SCORE, addition, packed, scoring

VISION = "/v1/pipelines/vision"
BUDGET_BYTES = 1000


@pytest.fixture
def limits() -> Limits:
    return Limits(budget=Budget(BUDGET_BYTES))


@pytest.fixture
async def door(service: FakeService, limits: Limits) -> AsyncIterator[Any]:
    transport = httpx.ASGITransport(app=build_http(service, limits))
    async with httpx.AsyncClient(transport=transport, base_url="http://gate") as caller:
        yield caller


@pytest.fixture
async def held(door: httpx.AsyncClient, service: FakeService) -> AsyncIterator[Any]:
    """A request of the whole budget that waits for its answer."""
    service.gate.clear()
    photo = JPEG.ljust(BUDGET_BYTES)
    asked = asyncio.ensure_future(door.post(VISION, content=photo))
    await service.asked.wait()
    yield asked
    service.gate.set()
    await asked


def seeing() -> pb.ModelInferRequest:
    request = pb.ModelInferRequest(model_name="vision")
    image = request.inputs.add(name="image", datatype="BYTES", shape=[1])
    image.contents.bytes_contents.append(JPEG)
    return request


@pytest.mark.parametrize("path", [ADD, VISION])
async def test_http_is_refused_while_too_much_is_in_flight(
    held: Any, door: httpx.AsyncClient, path: str
):
    response = await door.post(path, json=addition())

    assert (response.status_code, response.headers["retry-after"]) == (503, "1")
    assert "too many bytes in flight" in response.text


async def test_binary_tensors_are_refused_while_too_much_is_in_flight(
    held: Any, door: httpx.AsyncClient
):
    body, headers = packed(scoring(), PIXELS.tobytes())

    response = await door.post(SCORE, content=body, headers=headers)

    assert response.status_code == 503


async def test_grpc_is_refused_while_too_much_is_in_flight(
    held: Any, service: FakeService, limits: Limits
):
    context = FakeContext()

    await GrpcFront(service, limits).ModelInfer(seeing(), context)

    assert context.code is StatusCode.RESOURCE_EXHAUSTED
    assert context.trailing == [("retry-after", "1")]


async def test_every_request_gives_its_bytes_back(
    door: httpx.AsyncClient, service: FakeService, limits: Limits
):
    body, headers = packed(scoring(), PIXELS.tobytes())
    await door.post(SCORE, content=body, headers=headers)
    await door.post(VISION, content=JPEG)
    await door.post(ADD, content=b"not JSON")
    await GrpcFront(service, limits).ModelInfer(seeing(), FakeContext())

    assert limits.budget.held_bytes == 0


async def test_unpacked_body_counts_as_it_is(
    door: httpx.AsyncClient, service: FakeService, limits: Limits
):
    service.gate.clear()
    content = gzip.compress(orjson.dumps(addition()).ljust(5000))
    packing = {"Content-Encoding": "gzip"}

    asked = asyncio.ensure_future(door.post(ADD, content=content, headers=packing))
    await service.asked.wait()

    assert limits.budget.held_bytes == 5000
    service.gate.set()
    await asked


async def test_tensors_larger_than_their_message_count(
    service: FakeService, limits: Limits
):
    service.gate.clear()
    request = pb.ModelInferRequest(model_name="adder")
    for name in ("INPUT0", "INPUT1"):
        given = request.inputs.add(name=name, datatype="INT32", shape=[8, 4])
        given.contents.int_contents.extend([1] * 32)  # a byte each, four as a tensor

    front = GrpcFront(service, limits)
    asked = asyncio.ensure_future(front.ModelInfer(request, FakeContext()))
    await service.asked.wait()

    assert limits.budget.held_bytes == 2 * 32 * 4 > request.ByteSize()
    service.gate.set()
    await asked

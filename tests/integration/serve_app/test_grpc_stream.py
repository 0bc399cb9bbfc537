"""Streams of real calls, through the server class that Ray Serve starts."""

import asyncio
from collections.abc import AsyncIterator

import grpc
import pytest
from ray.serve._private.grpc_util import gRPCGenericServer

from serve_app.oip import inference_pb2 as pb
from serve_app.oip import inference_pb2_grpc
from serve_app.oip.deadlines import (
    LEFT_MS,
    STREAM,
    add_GRPCInferenceServiceServicer_to_server,
)
from serve_app.oip.grpc import GrpcFront
from serve_app.oip.stream import LIMIT
from tests.fakes_protocol import FakeService

WAIT_S = 60


class Replica:
    """Stands where Ray Serve's handlers do, in front of the ingress class."""

    def __init__(self, front: GrpcFront) -> None:
        self.front = front
        self.metadata: dict[str, str] = {}

    def handler(self, service_method, streaming_type):
        async def answer(requests, context):
            self.metadata = dict(context.invocation_metadata())
            async for response in self.front.ModelStreamInfer(requests, context):
                yield response.SerializeToString()

        return answer


@pytest.fixture
def service() -> FakeService:
    return FakeService()


@pytest.fixture
def replica(service: FakeService) -> Replica:
    return Replica(GrpcFront(service))


@pytest.fixture
async def stub(replica: Replica) -> AsyncIterator[object]:
    server = gRPCGenericServer(replica.handler)
    add_GRPCInferenceServiceServicer_to_server(
        inference_pb2_grpc.GRPCInferenceServiceServicer(), server
    )
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    options = [("grpc.enable_http_proxy", 0)]
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}", options) as channel:
        yield inference_pb2_grpc.GRPCInferenceServiceStub(channel)
    await server.stop(None)


def addition(number: int) -> pb.ModelInferRequest:
    request = pb.ModelInferRequest(model_name="adder", id=str(number))
    for name in ("INPUT0", "INPUT1"):
        given = request.inputs.add(name=name, datatype="INT32", shape=[1, 4])
        given.contents.int_contents.extend([number] * 4)
    return request


async def test_many_requests_of_one_stream_are_answered_in_order(stub, replica):
    count = 3 * LIMIT
    call = stub.ModelStreamInfer(map(addition, range(count)), timeout=WAIT_S)

    answers = [answer.infer_response.id async for answer in call]

    assert answers == [str(number) for number in range(count)]
    # gRPC writes what is left with three digits, rounded up.
    assert 0 < float(replica.metadata[LEFT_MS]) <= 1.01e3 * WAIT_S


async def test_client_that_leaves_takes_its_stream_along(stub, service):
    service.gate.clear()
    call = stub.ModelStreamInfer(timeout=WAIT_S)
    await call.write(addition(1))
    await asyncio.wait_for(service.asked.wait(), WAIT_S)

    call.cancel()

    await asyncio.wait_for(service.cancelled.wait(), WAIT_S)


async def test_stream_is_read_no_faster_than_it_is_answered():
    """With a reader as greedy as Ray Serve's, which keeps what it reads in memory."""
    read: list[int] = []
    answer = asyncio.Event()

    async def requests() -> AsyncIterator[int]:
        for number in range(9 * LIMIT):
            read.append(number)
            yield number

    async def handle(requests, context):
        async def drain() -> None:
            async for _ in requests:
                pass

        draining = asyncio.create_task(drain())
        await answer.wait()
        yield b"one"
        await draining

    answers = registered(handle)(requests(), None)
    first = asyncio.create_task(anext(answers))
    await settled(read)
    assert len(read) == LIMIT

    answer.set()
    await first
    second = asyncio.create_task(anext(answers))
    await settled(read)

    assert len(read) == LIMIT + 1
    second.cancel()


def registered(handle):
    """What a server is given for ModelStreamInfer, in front of `handle`."""

    class Server:
        def add_generic_rpc_handlers(self, handlers):
            self.methods = handlers[0]._method_handlers
            self.methods[STREAM] = self.methods[STREAM]._replace(stream_stream=handle)
            self.handlers = handlers

    server = Server()
    add_GRPCInferenceServiceServicer_to_server(
        inference_pb2_grpc.GRPCInferenceServiceServicer(), server
    )
    return server.handlers[0]._method_handlers[STREAM].stream_stream


async def settled(read: list[int]) -> None:
    """Return when a turn of the event loop has read nothing more."""
    before = -1
    while before != len(read):
        before = len(read)
        for _ in range(10):
            await asyncio.sleep(0)

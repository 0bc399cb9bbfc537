"""The deadline of a real call, through the server class that Ray Serve starts."""

import grpc
import pytest
from ray.serve._private.grpc_util import gRPCGenericServer

from serve_app.oip import inference_pb2 as pb
from serve_app.oip import inference_pb2_grpc
from serve_app.oip.arrival import Arrival
from serve_app.oip.deadlines import (
    LEFT_MS,
    add_GRPCInferenceServiceServicer_to_server,
)


class Heard:
    """Stands where Ray Serve's handlers do: keeps the metadata of every call."""

    def __init__(self) -> None:
        self.metadata: list[dict[str, str]] = []
        self.requests: list[object] = []

    def handler(self, service_method, streaming_type):
        async def answer(request, context):
            self.metadata.append(dict(context.invocation_metadata()))
            self.requests.append(request)
            if service_method.endswith("ModelInfer"):
                return pb.ModelInferResponse(
                    model_name=context.peer()
                ).SerializeToString()
            return pb.ServerLiveResponse(live=True).SerializeToString()

        return answer


@pytest.fixture
async def door():
    heard = Heard()
    server = gRPCGenericServer(heard.handler)
    add_GRPCInferenceServiceServicer_to_server(
        inference_pb2_grpc.GRPCInferenceServiceServicer(), server
    )
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    options = [("grpc.enable_http_proxy", 0)]
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}", options) as channel:
        yield heard, inference_pb2_grpc.GRPCInferenceServiceStub(channel)
    await server.stop(None)


async def test_deadline_of_a_call_is_among_its_metadata(door):
    heard, stub = door

    await stub.ModelInfer(pb.ModelInferRequest(), timeout=30, metadata=[("a", "b")])

    assert heard.metadata[0]["a"] == "b"
    assert 0 < float(heard.metadata[0][LEFT_MS]) <= 30_300


async def test_call_without_deadline_says_nothing(door):
    heard, stub = door

    answer = await stub.ModelInfer(pb.ModelInferRequest())

    assert LEFT_MS not in heard.metadata[0]
    assert answer.model_name.startswith("ipv4:127.0.0.1")


async def test_client_cannot_send_the_entry_himself(door):
    heard, stub = door

    await stub.ModelInfer(pb.ModelInferRequest(), metadata=[(LEFT_MS, "forged")])

    assert LEFT_MS not in heard.metadata[0]


async def test_inference_request_comes_with_its_tensors_apart(door):
    heard, stub = door
    request = pb.ModelInferRequest(model_name="m", raw_input_contents=[b"abcd"])

    await stub.ModelInfer(request)

    (arrival,) = heard.requests
    assert isinstance(arrival, Arrival)
    assert arrival.head == pb.ModelInferRequest(model_name="m")
    assert list(map(bytes, arrival.raw)) == [b"abcd"]


async def test_other_methods_are_served_as_before(door):
    _, stub = door

    assert (await stub.ServerLive(pb.ServerLiveRequest(), timeout=30)).live

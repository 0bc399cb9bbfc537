"""The gRPC side of the front door: the inference service and gRPC's health service.

Ray Serve calls a method of its ingress class by the last part of the RPC's path, so the
two services share this class.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import aclosing
from dataclasses import dataclass, replace

from google.protobuf.json_format import ParseDict
from grpc_health.v1 import health_pb2

from deployments.budget import size_bytes
from deployments.control import Control
from deployments.errors import ModelNotFound, PayloadTooLarge
from deployments.messages import CALM, Request
from deployments.service import Service
from serve_app.limits import Limits
from serve_app.oip import grpc_codec
from serve_app.oip import inference_pb2 as pb
from serve_app.oip.arrival import Arrival, of_message
from serve_app.oip.control_grpc import GrpcControl
from serve_app.oip.deadlines import LEFT_MS
from serve_app.oip.metadata import model_config, model_metadata, server_metadata
from serve_app.oip.settings_grpc import GrpcSettings
from serve_app.oip.settling import CallContext, outcome, settle
from serve_app.oip.stream import LIMIT, in_order, while_there
from serve_app.urgency import HEADER, milliseconds, read_urgency

WHOLE_SERVER = ("", "inference.GRPCInferenceService")
"""Names under which the health service speaks of everything; others are models."""


@dataclass(frozen=True, slots=True)
class Came:
    """What came with a call, and when."""

    metadata: Mapping[str, str]
    at_s: float


class GrpcFront(GrpcControl, GrpcSettings):
    """Answers every RPC; the ingress deployment inherits from it.

    A refused call sets code, details and trailing metadata and returns an empty message,
    which gRPC does not send: Ray Serve drops the trailing metadata of a call that raises,
    and logs a traceback for each.
    """

    watch_every_s = 1.0
    """How often `Watch` looks whether its answer has changed."""

    def __init__(
        self,
        service: Service,
        limits: Limits | None = None,
        control: Control | None = None,
    ) -> None:
        self.service, self.control = service, control
        self.limits = limits or Limits()

    async def ServerLive(  # noqa: N802 - the RPC's name
        self, request: pb.ServerLiveRequest, grpc_context: CallContext
    ) -> pb.ServerLiveResponse:
        """Whether the process answers: it does."""
        return pb.ServerLiveResponse(live=True)

    async def ServerReady(  # noqa: N802
        self, request: pb.ServerReadyRequest, grpc_context: CallContext
    ) -> pb.ServerReadyResponse:
        """Whether everything served can answer."""

        async def answer() -> pb.ServerReadyResponse:
            return pb.ServerReadyResponse(ready=await self.service.ready())

        return await settle(answer(), pb.ServerReadyResponse(), grpc_context)

    async def ServerMetadata(  # noqa: N802
        self, request: pb.ServerMetadataRequest, grpc_context: CallContext
    ) -> pb.ServerMetadataResponse:
        """Name, version and extensions."""
        response = pb.ServerMetadataResponse()
        ParseDict(server_metadata(), response)
        return response

    async def ModelReady(  # noqa: N802
        self, request: pb.ModelReadyRequest, grpc_context: CallContext
    ) -> pb.ModelReadyResponse:
        """Whether one model can answer."""

        async def answer() -> pb.ModelReadyResponse:
            ready = await self.service.ready(request.name, request.version)
            return pb.ModelReadyResponse(ready=ready)

        return await settle(answer(), pb.ModelReadyResponse(), grpc_context)

    async def ModelMetadata(  # noqa: N802
        self, request: pb.ModelMetadataRequest, grpc_context: CallContext
    ) -> pb.ModelMetadataResponse:
        """Versions and tensors of one model."""

        async def answer() -> pb.ModelMetadataResponse:
            contract = self.service.contract(request.name, request.version)
            response = pb.ModelMetadataResponse()
            versions = self.service.versions(contract.name)
            ParseDict(model_metadata(contract, versions), response)
            return response

        return await settle(answer(), pb.ModelMetadataResponse(), grpc_context)

    async def ModelConfig(  # noqa: N802
        self, request: pb.ModelConfigRequest, grpc_context: CallContext
    ) -> pb.ModelConfigResponse:
        """Limits and composition of one model."""

        async def answer() -> pb.ModelConfigResponse:
            contract = self.service.contract(request.name, request.version)
            response = pb.ModelConfigResponse()
            ParseDict(model_config(contract), response.config)
            return response

        return await settle(answer(), pb.ModelConfigResponse(), grpc_context)

    async def ModelInfer(  # noqa: N802
        self, request: pb.ModelInferRequest | Arrival, grpc_context: CallContext
    ) -> pb.ModelInferResponse:
        """Answer one inference request; `deadlines` says how it comes as an `Arrival`."""
        came = _came(grpc_context)
        arrival = request if isinstance(request, Arrival) else of_message(request)
        return await settle(
            self._infer(arrival, came), pb.ModelInferResponse(), grpc_context
        )

    async def ModelStreamInfer(  # noqa: N802
        self, requests: AsyncIterator[pb.ModelInferRequest], grpc_context: CallContext
    ) -> AsyncIterator[pb.ModelStreamInferResponse]:
        """Answer each request once, in their order; a failed one leaves the rest be."""
        came = _came(grpc_context)

        async def answer(request: pb.ModelInferRequest) -> pb.ModelStreamInferResponse:
            asked = grpc_codec.unstreamed(request)
            answered = await outcome(self._infer(of_message(asked), came))
            return grpc_codec.streamed(asked, answered)

        answers = in_order(while_there(requests), answer, LIMIT)
        async with aclosing(answers):
            async for response in answers:
                yield response

    async def Check(  # noqa: N802
        self, request: health_pb2.HealthCheckRequest, grpc_context: CallContext
    ) -> health_pb2.HealthCheckResponse:
        """Health check of gRPC; a service is the whole server or a model."""

        async def answer() -> health_pb2.HealthCheckResponse:
            return health_pb2.HealthCheckResponse(
                status=await self._serving(request.service)
            )

        return await settle(answer(), health_pb2.HealthCheckResponse(), grpc_context)

    async def List(  # noqa: N802
        self, request: health_pb2.HealthListRequest, grpc_context: CallContext
    ) -> health_pb2.HealthListResponse:
        """Every state that `Check` can tell."""

        async def answer() -> health_pb2.HealthListResponse:
            response = health_pb2.HealthListResponse()
            models = [contract.name for contract in self.service.contracts()]
            for name in [*WHOLE_SERVER, *models]:
                response.statuses[name].status = await self._serving(name)
            return response

        return await settle(answer(), health_pb2.HealthListResponse(), grpc_context)

    async def Watch(  # noqa: N802
        self, request: health_pb2.HealthCheckRequest, grpc_context: CallContext
    ) -> AsyncIterator[health_pb2.HealthCheckResponse]:
        """Health watch of gRPC: the state now, and again whenever it has changed.

        Ends with the request timeout of `grpc_options`; clients then watch anew.
        """
        last = None
        while True:
            try:
                status = await self._serving(request.service)
            except ModelNotFound:
                status = health_pb2.HealthCheckResponse.SERVICE_UNKNOWN
            if status != last:
                yield health_pb2.HealthCheckResponse(status=status)
            last = status
            await asyncio.sleep(self.watch_every_s)

    async def _infer(self, arrival: Arrival, came: Came) -> pb.ModelInferResponse:
        now_s, message = time.monotonic(), arrival.head
        if arrival.size_bytes > self.limits.max_body_bytes:
            raise PayloadTooLarge(self.limits.max_body_bytes)
        contract = self.service.contract(message.model_name, message.model_version)
        with self.limits.budget.hold(contract.name) as held:
            held.reach(arrival.size_bytes)
            call = grpc_codec.read_call(contract, message, arrival.raw)
            held.reach(size_bytes(call.request.inputs))
            request = _urgent(call.request, came, now_s)
            reply = await self.service.infer(request, message.model_version)
        return grpc_codec.write_reply(call, reply)

    async def _serving(self, service: str) -> int:
        name = "" if service in WHOLE_SERVER else service
        if await self.service.ready(name):
            return int(health_pb2.HealthCheckResponse.SERVING)
        return int(health_pb2.HealthCheckResponse.NOT_SERVING)


def _came(context: CallContext) -> Came:
    return Came(dict(context.invocation_metadata()), time.monotonic())


def _urgent(request: Request, came: Came, now_s: float) -> Request:
    """`request`, which came at `now_s`, with the deadline and priority of its call."""
    within_ms = came.metadata.get(HEADER)
    urgency = read_urgency(request.model, request.parameters, within_ms, now_s)
    left_ms = came.metadata.get(LEFT_MS)
    if left_ms is not None:
        left_s = milliseconds(request.model, LEFT_MS, left_ms) / 1e3
        urgency = urgency.within(left_s, came.at_s)
    return request if urgency is CALM else replace(request, urgency=urgency)

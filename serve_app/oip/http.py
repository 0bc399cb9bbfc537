"""The HTTP routes of the Open Inference Protocol, version 2."""

import time
from collections.abc import Mapping

from starlette.requests import Request as HttpRequest
from starlette.responses import Response
from starlette.routing import Route

from deployments.budget import Hold, size_bytes
from deployments.messages import Contract
from deployments.service import Service
from serve_app.answers import json_response
from serve_app.body import read_binary_body, read_body
from serve_app.bounded import urgent
from serve_app.limits import Limits
from serve_app.oip.http_codec import HEADER_LENGTH, read_call, write_reply
from serve_app.oip.metadata import model_config, model_metadata, server_metadata
from serve_app.oip.routes import MODEL, model_of, route, version_of, versioned

UNAVAILABLE = 503


class OipRoutes:
    """Handlers over one service."""

    def __init__(self, service: Service, limits: Limits) -> None:
        self._service, self._limits = service, limits

    def infer_routes(self) -> list[Route]:
        """The routes that carry the traffic."""
        return versioned(f"{MODEL}%s/infer", self._infer, "POST")

    def routes(self) -> list[Route]:
        """Every other route."""
        return [
            *versioned(f"{MODEL}%s", self._metadata),
            *versioned(f"{MODEL}%s/ready", self._model_ready),
            *versioned(f"{MODEL}%s/config", self._config),
            route("/v2", self._server),
            route("/v2/", self._server),
            route("/v2/health/live", self._live),
            route("/v2/health/ready", self._ready),
            route("/v2/models", self._models),
        ]

    async def _server(self, request: HttpRequest) -> Response:
        return json_response(server_metadata())

    async def _live(self, request: HttpRequest) -> Response:
        return json_response({"live": True})

    async def _ready(self, request: HttpRequest) -> Response:
        ready = await self._service.ready()
        return json_response(
            {"live": True, "ready": ready}, 200 if ready else UNAVAILABLE
        )

    async def _models(self, request: HttpRequest) -> Response:
        return json_response({"models": [c.name for c in self._service.contracts()]})

    async def _metadata(self, request: HttpRequest) -> Response:
        contract = self._contract(request)
        versions = self._service.versions(contract.name)
        return json_response(model_metadata(contract, versions))

    async def _config(self, request: HttpRequest) -> Response:
        return json_response(model_config(self._contract(request)))

    async def _model_ready(self, request: HttpRequest) -> Response:
        name = model_of(request)
        if await self._service.ready(name, version_of(request)):
            return json_response({"name": name, "ready": True})
        return json_response(
            {"name": name, "ready": False, "error": "Model version not ready"},
            UNAVAILABLE,
        )

    async def _infer(self, request: HttpRequest) -> Response:
        now_s = time.monotonic()
        contract = self._contract(request)
        head = request.headers.get(HEADER_LENGTH)
        with self._limits.budget.hold(contract.name) as held:
            call = read_call(contract, await self._body(request, held, head), head)
            held.reach(size_bytes(call.request.inputs))
            asked = urgent(request, call.request, now_s)
            reply = await self._service.infer(asked, version_of(request))
        written = write_reply(call, reply)
        if written.header_length is None:
            return Response(written.content, media_type="application/json")
        return Response(
            written.content,
            headers=_binary_headers(written.header_length),
            media_type="application/octet-stream",
        )

    async def _body(
        self, request: HttpRequest, held: Hold, head: str | None
    ) -> bytes | memoryview:
        limit_bytes = self._limits.max_body_bytes
        if head is None or not head.isdecimal():
            return await read_body(request, held, limit_bytes)
        return await read_binary_body(request, held, limit_bytes, int(head[:20]))

    def _contract(self, request: HttpRequest) -> Contract:
        return self._service.contract(model_of(request), version_of(request))


def _binary_headers(header_length: int) -> Mapping[str, str]:
    return {HEADER_LENGTH: str(header_length)}

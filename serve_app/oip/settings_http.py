"""Over HTTP: trace and log settings, and what the protocol has but this server has not."""

from starlette.requests import Request as HttpRequest
from starlette.responses import Response
from starlette.routing import Route

from deployments.control import Control
from deployments.service import Service
from serve_app.answers import Handler, json_response
from serve_app.errors import NotOffered, RegionNotFound
from serve_app.limits import Limits
from serve_app.oip.bodies import read_json
from serve_app.oip.routes import MODEL, model_of, route, version_of, versioned
from serve_app.oip.settings import change_log, check_trace, log_settings, trace_settings

KINDS = ("system", "cuda")
"""Of shared memory."""


class SettingRoutes:
    """Handlers over one service and the control of all replicas, if there is one."""

    def __init__(
        self, service: Service, limits: Limits, control: Control | None
    ) -> None:
        self._service, self._limits, self._control = service, limits, control

    def routes(self) -> list[Route]:
        """Every route."""
        return [
            route("/v2/logging", self._log),
            route("/v2/logging", self._change_log, "POST"),
            *self._trace_routes("/v2/trace/setting"),
            *self._trace_routes(f"{MODEL}/trace/setting"),
            *(one for kind in KINDS for one in _memory_routes(kind)),
            *versioned(f"{MODEL}%s/generate", self._generate, "POST"),
            *versioned(f"{MODEL}%s/generate_stream", self._generate, "POST"),
        ]

    def _trace_routes(self, path: str) -> list[Route]:
        return [route(path, self._trace), route(path, self._change_trace, "POST")]

    async def _log(self, request: HttpRequest) -> Response:
        return json_response(log_settings())

    async def _change_log(self, request: HttpRequest) -> Response:
        await change_log(await read_json(request, self._limits, ""), self._control)
        return json_response(log_settings())

    async def _trace(self, request: HttpRequest) -> Response:
        self._find(request)
        return json_response(trace_settings())

    async def _change_trace(self, request: HttpRequest) -> Response:
        self._find(request)
        check_trace(await read_json(request, self._limits, model_of(request)))
        return json_response(trace_settings())

    async def _generate(self, request: HttpRequest) -> Response:
        self._find(request)
        raise NotOffered(f"'{model_of(request)}' is no language model: generate is")

    def _find(self, request: HttpRequest) -> None:
        """Raise what is wrong with the model that the path names, if it names one."""
        if model_of(request):
            self._service.contract(model_of(request), version_of(request))


def _memory_routes(kind: str) -> list[Route]:
    path = f"/v2/{kind}sharedmemory"
    region = f"{path}/region/{{region}}"
    return [
        route(f"{path}/status", _no_regions),
        route(f"{region}/status", _no_region(kind)),
        route(f"{region}/register", _no_memory, "POST"),
        route(f"{region}/unregister", _no_memory, "POST"),
        route(f"{path}/unregister", _no_memory, "POST"),
    ]


async def _no_regions(request: HttpRequest) -> Response:
    return json_response([])


def _no_region(kind: str) -> Handler:
    async def status(request: HttpRequest) -> Response:
        raise RegionNotFound(kind, request.path_params["region"])

    return status


async def _no_memory(request: HttpRequest) -> Response:
    raise NotOffered("shared memory is")

"""Statistics and the model repository over HTTP."""

from starlette.requests import Request as HttpRequest
from starlette.responses import Response
from starlette.routing import Route

from deployments.control import Control
from deployments.errors import ModelNotFound
from serve_app.answers import json_response
from serve_app.errors import Unloadable
from serve_app.limits import Limits
from serve_app.oip.bodies import read_json
from serve_app.oip.repository import (
    Given,
    check_names,
    check_repository,
    needed,
    parameters_of,
    read_dependents,
    read_flag,
    read_override,
    write_index,
)
from serve_app.oip.routes import MODEL, model_of, route, version_of, versioned
from serve_app.oip.statistics import write_statistics

REPOSITORY = "/v2/repository"
NAMED = f"{REPOSITORY}/{{repository}}"
"""With the name of one of several repositories, of which there is one, without a name."""


class ControlRoutes:
    """Handlers over the control of all replicas; without one, they say so."""

    def __init__(self, limits: Limits, control: Control | None) -> None:
        self._limits, self._control = limits, control

    def routes(self) -> list[Route]:
        """Every route; they go before those of models, one of which may be `stats`."""
        return [
            route("/v2/models/stats", self._statistics),
            *versioned(f"{MODEL}%s/stats", self._statistics),
            *(one for at in (REPOSITORY, NAMED) for one in self._repository(at)),
        ]

    def _repository(self, at: str) -> list[Route]:
        return [
            route(f"{at}/index", self._index, "POST"),
            route(f"{at}/models/{{model}}/load", self._load, "POST"),
            route(f"{at}/models/{{model}}/unload", self._unload, "POST"),
        ]

    async def _statistics(self, request: HttpRequest) -> Response:
        control = needed(self._control, "statistics are")
        told = await control.statistics(model_of(request), version_of(request))
        return json_response(write_statistics(told))

    async def _index(self, request: HttpRequest) -> Response:
        control = self._of_repository(request)
        given = await self._body(request)
        check_names("", given, ("ready",))
        index = await control.index(read_flag("", given, "ready"))
        return json_response(write_index(index))

    async def _load(self, request: HttpRequest) -> Response:
        control, name = self._of_repository(request), model_of(request)
        override = read_override(name, await self._parameters(request))
        try:
            await control.load(name, override)
        except ModelNotFound as error:
            raise Unloadable(error.model) from error
        return Response()

    async def _unload(self, request: HttpRequest) -> Response:
        control, name = self._of_repository(request), model_of(request)
        dependents = read_dependents(name, await self._parameters(request))
        await control.unload(name, dependents)
        return Response()

    def _of_repository(self, request: HttpRequest) -> Control:
        check_repository(request.path_params.get("repository", ""))
        return needed(self._control)

    async def _parameters(self, request: HttpRequest) -> Given:
        return parameters_of(model_of(request), await self._body(request))

    async def _body(self, request: HttpRequest) -> Given:
        return await read_json(request, self._limits, model_of(request))

"""The HTTP side of the front door: every route in one ASGI application."""

from collections.abc import Mapping, Sequence

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request as HttpRequest
from starlette.responses import Response
from starlette.routing import BaseRoute, Match, Route, Router
from starlette.types import ASGIApp, Receive, Scope, Send

from deployments.control import Control
from deployments.service import Service
from serve_app.answers import CLIENT_GONE, json_response, problem_response
from serve_app.bounded import Bounded, End
from serve_app.friendly import FriendlyRoutes
from serve_app.limits import Limits
from serve_app.oip.control_http import ControlRoutes
from serve_app.oip.http import OipRoutes
from serve_app.oip.settings_http import SettingRoutes
from serve_app.pages import page_routes

__all__ = ["Limits", "build_http"]

ENDED = {End.LATE: 504, End.SLOW: 408}


class Front:
    """All routes; the few that carry the traffic are reached without middleware.

    `routes` and `router` are what Ray Serve reads to name a route in its metrics.
    """

    def __init__(self, app: Starlette, hot: Sequence[Route], bounded: Bounded) -> None:
        self._app, self._hot, self._bounded = app, hot, bounded

    @property
    def routes(self) -> list[BaseRoute]:
        """See `Starlette.routes`."""
        return self._app.routes

    @property
    def router(self) -> Router:
        """See `Starlette.router`."""
        return self._app.router

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request or lifespan event."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        await self._bounded(self._find(scope), scope, receive, send)

    def _find(self, scope: Scope) -> ASGIApp:
        for route in self._hot:
            match, found = route.matches(scope)
            if match is Match.FULL:
                scope.update(found)
                return route.app
        return self._app


def build_http(
    service: Service, limits: Limits, control: Control | None = None
) -> ASGIApp:
    """The application that answers HTTP for `service`; no `control`: not offered."""
    hot = [
        *OipRoutes(service, limits).infer_routes(),
        *FriendlyRoutes(service, limits).run_routes(),
    ]
    app = Starlette(
        routes=[
            *hot,
            *ControlRoutes(limits, control).routes(),
            *SettingRoutes(service, limits, control).routes(),
            *OipRoutes(service, limits).routes(),
            *FriendlyRoutes(service, limits).routes(),
            *page_routes(),
        ],
        exception_handlers={HTTPException: _no_route},
    )
    # A redirect would name the address the client used, or that of a proxy before us.
    app.router.redirect_slashes = False
    return Front(app, hot, Bounded(limits.request_timeout_s, _ended))


async def _no_route(request: HttpRequest, error: Exception) -> Response:
    """An unknown path or a wrong verb, in the style of the routes around it."""
    if not isinstance(error, HTTPException):
        raise error
    return _refused(request.url.path, error.status_code, error.detail, error.headers)


def _ended(scope: Scope, end: End) -> Response:
    if end is End.GONE:
        return Response(status_code=CLIENT_GONE)
    return _refused(scope["path"], ENDED[end], "the request took too long")


def _refused(
    path: str, status: int, text: str, headers: Mapping[str, str] | None = None
) -> Response:
    if path.startswith("/v2"):
        return json_response({"error": text}, status, headers)
    return problem_response(status, text, headers)

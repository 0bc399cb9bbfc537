"""How routes of the Open Inference Protocol are made."""

from starlette.requests import Request as HttpRequest
from starlette.routing import Route

from serve_app.answers import Endpoint, Handler, answered, oip_error

MODEL = "/v2/models/{model}"


def route(path: str, handle: Handler, verb: str = "GET") -> Route:
    """One route whose refusals are the protocol's error object."""
    return Route(path, Endpoint(answered(handle, oip_error)), methods=[verb])


def versioned(path: str, handle: Handler, verb: str = "GET") -> list[Route]:
    """Two routes: `%s` in `path` is nothing, or a version."""
    return [
        route(path % version, handle, verb) for version in ("", "/versions/{version}")
    ]


def model_of(request: HttpRequest) -> str:
    """The model that the path names; empty: none."""
    name: str = request.path_params.get("model", "")
    return name


def version_of(request: HttpRequest) -> str:
    """The version that the path names; empty: the default."""
    version: str = request.path_params.get("version", "")
    return version

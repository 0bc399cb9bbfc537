"""HTTP answers: JSON, refusals in the style of their route, and the outermost catch."""

import logging
from collections.abc import Awaitable, Callable, Mapping
from http import HTTPStatus

import orjson
from starlette.requests import ClientDisconnect
from starlette.requests import Request as HttpRequest
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from deployments.errors import ServingError
from serve_app.errors import INTERNAL, Refusal, refusal

log = logging.getLogger(__name__)

Handler = Callable[[HttpRequest], Awaitable[Response]]
Style = Callable[[Refusal], Response]
"""How a family of routes words a refusal."""

CLIENT_GONE = 499


def json_response(
    content: object, status: int = 200, headers: Mapping[str, str] | None = None
) -> Response:
    """`content` as JSON; numpy arrays in it become lists."""
    return Response(
        orjson.dumps(content, option=orjson.OPT_SERIALIZE_NUMPY),
        status,
        headers,
        "application/json",
    )


def oip_error(refused: Refusal) -> Response:
    """The Open Inference Protocol's error object."""
    return json_response(
        {"error": refused.text}, refused.status.http, _retry_header(refused)
    )


def problem(refused: Refusal) -> Response:
    """Problem details, RFC 9457."""
    return problem_response(refused.status.http, refused.text, _retry_header(refused))


def problem_response(
    status: int, detail: str, headers: Mapping[str, str] | None = None
) -> Response:
    """Problem details for a status that comes from no error of ours."""
    content = {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
    }
    return Response(orjson.dumps(content), status, headers, "application/problem+json")


def answered(handle: Handler, style: Style) -> Handler:
    """`handle`, with every failure turned into an answer in the style of its route.

    Being cancelled is no failure: it passes through, so that a client that leaves takes
    its request along.
    """

    async def endpoint(request: HttpRequest) -> Response:
        try:
            return await handle(request)
        except ServingError as error:
            refused = refusal(error)
            if refused.status.http == INTERNAL.status.http:
                log.exception("request failed: %s", error.args)
        except ClientDisconnect:
            return Response(status_code=CLIENT_GONE)
        except Exception:  # outermost: a client must not see what broke
            log.exception("request failed unexpectedly")
            refused = INTERNAL
        return style(refused)

    return endpoint


class Endpoint:
    """A handler as an ASGI application, with nothing between it and the server."""

    def __init__(self, handle: Handler) -> None:
        self._handle = handle

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        response = await self._handle(HttpRequest(scope, receive))
        await response(scope, receive, send)


def _retry_header(refused: Refusal) -> Mapping[str, str] | None:
    if refused.retry_after_s is None:
        return None
    return {"Retry-After": str(refused.retry_after_s)}

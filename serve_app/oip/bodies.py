"""The JSON body of a request that carries no tensors."""

from collections.abc import Mapping

from starlette.requests import Request as HttpRequest

from serve_app.body import read_body
from serve_app.limits import Limits
from serve_app.oip.http_codec import parse_object


async def read_json(
    request: HttpRequest, limits: Limits, model: str
) -> Mapping[str, object]:
    """The object in the body; an empty body is an empty object.

    Raises:
        PayloadTooLarge, Saturated, UnsupportedMedia: see `read_body`.
        InvalidInput: it holds something else.
    """
    with limits.budget.hold(model) as held:
        body = await read_body(request, held, limits.max_body_bytes)
        return parse_object(model, body) if body else {}

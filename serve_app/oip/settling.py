"""How a gRPC call ends: with its message, or with a code and a reason."""

import logging
from collections.abc import Awaitable, Sequence
from typing import Protocol, TypeVar

from grpc import StatusCode

from deployments.errors import ServingError
from serve_app.errors import INTERNAL, Refusal, refusal

log = logging.getLogger(__name__)

Message = TypeVar("Message")


class CallContext(Protocol):
    """The part of Ray Serve's gRPC context that is used here."""

    def invocation_metadata(self) -> Sequence[tuple[str, str]]: ...

    def set_code(self, code: StatusCode) -> None: ...

    def set_details(self, details: str) -> None: ...

    def set_trailing_metadata(
        self, trailing_metadata: list[tuple[str, str]]
    ) -> None: ...


async def settle(
    answer: Awaitable[Message], empty: Message, context: CallContext
) -> Message:
    """The answer, or `empty` with the reason set on `context`."""
    answered = await outcome(answer)
    if not isinstance(answered, Refusal):
        return answered
    context.set_code(answered.status.grpc)
    context.set_details(answered.text)
    if answered.retry_after_s is not None:
        context.set_trailing_metadata([("retry-after", str(answered.retry_after_s))])
    return empty


async def outcome(answer: Awaitable[Message]) -> Message | Refusal:
    """The answer, or what the client is told instead; the cause is in the log."""
    try:
        return await answer
    except ServingError as error:
        refused = refusal(error)
        if refused.status.grpc is StatusCode.INTERNAL:
            log.exception("request failed: %s", error.args)
    except Exception:  # outermost: a client must not see what broke
        log.exception("request failed unexpectedly")
        refused = INTERNAL
    return refused

"""How errors become answers: one table for HTTP and gRPC.

Reference: the code map of the Open Inference Protocol as Triton applies it.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass

from grpc import StatusCode

from deployments.errors import (
    BackendFailed,
    DeadlineExceeded,
    InvalidInput,
    ModelNotFound,
    NotReady,
    Overloaded,
    PayloadTooLarge,
    QueueTimeout,
    Saturated,
    ServingError,
    VersionNotFound,
)

MAX_TEXT = 1024
"""Characters of a text that reach a client: names in it are the client's own."""


class UnsupportedMedia(ServingError):
    """The body is encoded or packed in a way that is not taken here."""

    def __init__(self, got: str, wanted: str) -> None:
        super().__init__(got, wanted)
        self.got, self.wanted = got, wanted

    def __str__(self) -> str:
        return f"unsupported '{self.got}': {self.wanted}"


@dataclass(frozen=True, slots=True)
class Status:
    """The codes of one kind of error."""

    http: int
    grpc: StatusCode


@dataclass(frozen=True, slots=True)
class Refusal:
    """What a client is told; `retry_after_s` is whole seconds, None: do not retry."""

    status: Status
    text: str
    retry_after_s: int | None = None


STATUSES: Mapping[type[ServingError], Status] = {
    ModelNotFound: Status(404, StatusCode.NOT_FOUND),
    VersionNotFound: Status(404, StatusCode.NOT_FOUND),
    InvalidInput: Status(400, StatusCode.INVALID_ARGUMENT),
    PayloadTooLarge: Status(413, StatusCode.RESOURCE_EXHAUSTED),
    UnsupportedMedia: Status(415, StatusCode.INVALID_ARGUMENT),
    Overloaded: Status(503, StatusCode.UNAVAILABLE),
    QueueTimeout: Status(503, StatusCode.UNAVAILABLE),
    DeadlineExceeded: Status(504, StatusCode.DEADLINE_EXCEEDED),
    Saturated: Status(503, StatusCode.RESOURCE_EXHAUSTED),
    NotReady: Status(503, StatusCode.UNAVAILABLE),
    BackendFailed: Status(500, StatusCode.INTERNAL),
}

INTERNAL = Refusal(Status(500, StatusCode.INTERNAL), "internal error")
"""The answer to what nobody foresaw; the cause is in the log."""


def refusal(error: ServingError) -> Refusal:
    """What the client is told about `error`."""
    status = STATUSES.get(type(error))
    if status is None:
        return INTERNAL
    return Refusal(status, str(error)[:MAX_TEXT], _retry_after_s(error))


def _retry_after_s(error: ServingError) -> int | None:
    if isinstance(error, Overloaded | Saturated | NotReady):
        return max(1, math.ceil(error.retry_after_s))
    return None

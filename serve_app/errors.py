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
    LoadFailed,
    ModelNotFound,
    NoAvailableVersion,
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


class NotOffered(ServingError):
    """The protocol has it, this server does not; the text says what."""

    def __init__(self, what: str) -> None:
        super().__init__(what)
        self.what = what

    def __str__(self) -> str:
        return f"{self.what} not offered here"


class Unloadable(ServingError):
    """A client asks to load what the repository does not have."""

    def __init__(self, model: str) -> None:
        super().__init__(model)
        self.model = model

    def __str__(self) -> str:
        return f"failed to load '{self.model}', failed to poll from model repository"


class RegionNotFound(ServingError):
    """A client asks for a region of shared memory; there is none."""

    def __init__(self, kind: str, region: str) -> None:
        super().__init__(kind, region)
        self.kind, self.region = kind, region

    def __str__(self) -> str:
        return f"Unable to find {self.kind} shared memory region: '{self.region}'"


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
    NoAvailableVersion: Status(404, StatusCode.NOT_FOUND),
    Unloadable: Status(404, StatusCode.NOT_FOUND),
    RegionNotFound: Status(404, StatusCode.NOT_FOUND),
    InvalidInput: Status(400, StatusCode.INVALID_ARGUMENT),
    PayloadTooLarge: Status(413, StatusCode.RESOURCE_EXHAUSTED),
    UnsupportedMedia: Status(415, StatusCode.INVALID_ARGUMENT),
    Overloaded: Status(503, StatusCode.UNAVAILABLE),
    QueueTimeout: Status(503, StatusCode.UNAVAILABLE),
    DeadlineExceeded: Status(504, StatusCode.DEADLINE_EXCEEDED),
    Saturated: Status(503, StatusCode.RESOURCE_EXHAUSTED),
    NotReady: Status(503, StatusCode.UNAVAILABLE),
    LoadFailed: Status(503, StatusCode.UNAVAILABLE),
    BackendFailed: Status(500, StatusCode.INTERNAL),
    NotOffered: Status(501, StatusCode.UNIMPLEMENTED),
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
    if isinstance(error, Overloaded | Saturated | NotReady | LoadFailed):
        return max(1, math.ceil(error.retry_after_s))
    return None

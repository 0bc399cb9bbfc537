"""How much callers may send, one request and all of them together."""

from dataclasses import dataclass, field

from deployments.budget import Budget


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds checked before anything is decoded.

    `max_body_bytes` holds for a request body as it comes, for the same body
    decompressed, and for one gRPC message. `budget` is this replica's own, for both
    doors.
    """

    max_body_bytes: int = 32 * 1024 * 1024
    budget: Budget = field(default_factory=Budget)
    request_timeout_s: float = 60.0

"""One request in a model's queue, and why it may leave without an answer."""

import math
from enum import Enum

NEVER = math.inf


class Refused(Enum):
    """Why a request is not run."""

    FULL = "full"
    EXPIRED = "expired"
    """It waited longer than the policy of its level allows."""
    HOPELESS = "hopeless"
    """Its deadline cannot be met any more."""


class Waiting:
    """A request of `rows` rows; all times are seconds of one monotonic clock.

    Most requests have nothing but rows, so the rest stands at the class until it is said
    of one: that is half a microsecond for each request of a model without deadlines.

    Attributes:
        level: of priority, 1 goes first.
        deadline_s: when its answer is of no use any more.
        expires_s: when the policy of its level acts.
        bucket: only requests of equal buckets share a batch.
    """

    level: int = 1
    deadline_s: float = NEVER
    expires_s: float = NEVER
    bucket: object = None

    def __init__(self, rows: int, arrived_s: float) -> None:
        self.rows, self.arrived_s = rows, arrived_s

    @property
    def special(self) -> bool:
        """Whether it cannot stand in a plain queue."""
        return (
            self.deadline_s < NEVER or self.expires_s < NEVER or self.bucket is not None
        )

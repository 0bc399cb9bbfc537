"""What replicas tell about their models."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from deployments.control import State


@dataclass(frozen=True, slots=True)
class Place:
    """One replica, by the name of its deployment and its own."""

    deployment: str
    replica: str


@dataclass(frozen=True, slots=True)
class SeatReport:
    """One version of a model on one replica.

    `answers`: a request would be answered, at once or after a load.
    """

    name: str
    version: str
    state: State
    reason: str = ""
    resident_bytes: int = 0
    answers: bool = False
    runtime: str = ""


@dataclass(frozen=True, slots=True)
class Report:
    """One replica: the revision it has met, and what it could not do, by model."""

    place: Place
    revision: int
    seats: tuple[SeatReport, ...] = ()
    failures: Mapping[str, str] = field(default_factory=dict)

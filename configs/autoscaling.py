"""The Specs of autoscaling: how one deployment grows and shrinks, and what a fleet may cost."""

from datetime import date, time
from functools import cache
from typing import Annotated, Literal
from zoneinfo import ZoneInfo, available_timezones

from pydantic import Field, field_validator, model_validator

from configs.spec import Spec

Mode = Literal["always_warm", "reactive", "predictive", "serverless", "hybrid"]
Unit = Literal["requests", "tokens", "jobs"]
Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
Replicas = Annotated[int, Field(ge=0, le=10_000)]

DAYS: tuple[Day, ...] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


@cache
def _timezones() -> set[str]:
    """Looking for them walks through hundreds of files."""
    return available_timezones()


class ScheduleSpec(Spec):
    """A span of the day in which other bounds hold; `start` after `end` spans midnight."""

    days: tuple[Day, ...] = Field(DAYS, min_length=1)
    start: time
    end: time
    min_replicas: Replicas | None = None
    max_replicas: Replicas | None = Field(None, ge=1)

    @model_validator(mode="after")
    def _says_something(self) -> "ScheduleSpec":
        if self.min_replicas is None and self.max_replicas is None:
            raise ValueError("a schedule needs min_replicas or max_replicas")
        if self.start == self.end:
            raise ValueError("a schedule must not start and end at the same time")
        return self


class SpecialDaySpec(Spec):
    """Days on which the forecast is multiplied: a sale, a holiday, a launch."""

    first: date
    last: date
    factor: float = Field(gt=0, le=100)

    @model_validator(mode="after")
    def _ends_after_it_starts(self) -> "SpecialDaySpec":
        if self.last < self.first:
            raise ValueError("last must not be before first")
        return self


class CalendarSpec(Spec):
    """The file that `calendar` names: special days, known before they come."""

    special_days: tuple[SpecialDaySpec, ...] = ()


class ColdStartSpec(Spec):
    """How long a start takes until it has been measured, and how sure to be of it."""

    prior_s: float = Field(
        15.0, gt=0, le=900, description="Believed until starts have been seen."
    )
    quantile: float = Field(0.9, ge=0.5, le=0.99)


class CapacitySpec(Spec):
    """What one replica is believed to serve until it has been observed."""

    unit: Unit = Field(
        "requests",
        description="What is forecast and served; tokens and jobs are what replicas report.",
    )
    requests_per_s: float = Field(
        10.0, gt=0, description="Of one full replica; of the unit, if that is another."
    )
    slots: int = Field(4, ge=1, description="Requests a replica works on at once.")
    wait_budget_s: float = Field(
        0.6, gt=0, le=600, description="How long a request may wait and meet its SLO."
    )
    headroom: float = Field(
        0.0, ge=0, le=2, description="Part added to every forecast, 0.1: a tenth."
    )
    learn: bool = Field(True, description="Correct the rate from observed saturation.")


class AutoscalingSpec(Spec):
    """How one deployment grows and shrinks."""

    mode: Mode = "hybrid"
    min_replicas: Replicas = 1
    max_replicas: int = Field(100, ge=1, le=10_000)
    cost_ratio: float = Field(
        40.0,
        gt=0,
        le=10_000,
        description="What the requests of one full replica are worth if they are late, "
        "in the price of that replica.",
    )
    violation_target: float | None = Field(
        None,
        gt=0,
        lt=0.5,
        description="Part of requests that may be late; cost_ratio is then found.",
    )
    cold_request_worth_s: float = Field(
        300.0, gt=0, description="Replica-seconds to pay for one avoided cold start."
    )
    hold_s: float | None = Field(
        None, ge=0, le=600, description="None: 1.25 times the cold start, 30 at least."
    )
    cold_start: ColdStartSpec = ColdStartSpec()
    capacity: CapacitySpec = CapacitySpec()
    schedule: tuple[ScheduleSpec, ...] = ()
    timezone: str = "UTC"
    calendar: str | None = Field(
        None, description="File of special days, relative to the catalogue."
    )
    replica_price_per_hour: float = Field(1.0, gt=0)
    replica_resources: dict[str, Annotated[float, Field(ge=0)]] = Field(
        {"CPU": 1.0},
        description="What Ray gives one replica; of use with fleet.node_start_s.",
    )
    shadow: bool = Field(False, description="Decide and report, but do not act.")

    @field_validator("timezone")
    @classmethod
    def _is_a_timezone(cls, name: str) -> str:
        if name != "UTC" and name not in _timezones():
            raise ValueError("must be a name like Europe/Berlin")
        return name

    @model_validator(mode="after")
    def _bounds_fit(self) -> "AutoscalingSpec":
        if self.min_replicas > self.max_replicas:
            raise ValueError("min_replicas must not exceed max_replicas")
        if self.mode == "predictive" and self.min_replicas == 0:
            raise ValueError("predictive keeps a replica; hybrid may scale to zero")
        for span in self.schedule:
            low = self.min_replicas if span.min_replicas is None else span.min_replicas
            high = self.max_replicas if span.max_replicas is None else span.max_replicas
            if low > high:
                raise ValueError("a schedule's min_replicas exceeds its max_replicas")
        return self

    @property
    def zone(self) -> ZoneInfo:
        """The timezone that schedules and special days are meant in."""
        return ZoneInfo(self.timezone)


class FleetSpec(Spec):
    """What all deployments together may cost."""

    budget_per_hour: float | None = Field(
        None, gt=0, description="In the unit of replica_price_per_hour; None: no bound."
    )
    node_start_s: float | None = Field(
        None,
        gt=0,
        le=600,
        description="How long a new node takes; Ray's cluster autoscaler is told so much "
        "earlier what replicas will need. None: it is told nothing.",
    )


class ScalingSpec(Spec):
    """`autoscaling` in the args of the application; a deployment not named has one replica."""

    deployments: dict[str, AutoscalingSpec] = Field(min_length=1)
    fleet: FleetSpec = FleetSpec()

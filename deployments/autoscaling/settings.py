"""The Specs of all deployments as arrays, one row each."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from configs.autoscaling import AutoscalingSpec
from deployments.autoscaling.rows import Flags, Floats, Ints

LEAST_HOLD_S, HOLD_STARTS = 30.0, 1.25
REACTIVE_HOLD_S = 120.0


@dataclass(frozen=True)
class Settings:
    """What was asked for, ready to be computed with."""

    forecasts: Flags
    always_warm: Flags
    to_zero: Flags
    learns_rate: Flags
    rate: Floats
    slots: Ints
    wait_budget_s: Floats
    headroom: Floats
    cost_ratio: Floats
    violation_target: Floats
    cold_worth_s: Floats
    hold_s: Floats
    start_prior_s: Floats
    start_quantile: Floats
    price: Floats

    def holds_s(self, start_s: Floats) -> Floats:
        """How long a want is remembered, given how long a start takes."""
        own = np.maximum(LEAST_HOLD_S, HOLD_STARTS * start_s)
        own = np.where(self.forecasts, own, np.maximum(own, REACTIVE_HOLD_S))
        return np.where(np.isnan(self.hold_s), own, self.hold_s)


def settings(specs: Sequence[AutoscalingSpec]) -> Settings:
    """Read the Specs once."""
    modes = [spec.mode for spec in specs]
    capacity = [spec.capacity for spec in specs]
    return Settings(
        forecasts=_flags([mode in ("predictive", "hybrid") for mode in modes]),
        always_warm=_flags([mode == "always_warm" for mode in modes]),
        to_zero=_flags([mode in ("serverless", "hybrid") for mode in modes]),
        learns_rate=_flags([one.learn for one in capacity]),
        rate=_floats([one.requests_per_s for one in capacity]),
        slots=np.array([one.slots for one in capacity], np.int64),
        wait_budget_s=_floats([one.wait_budget_s for one in capacity]),
        headroom=_floats([one.headroom for one in capacity]),
        cost_ratio=_floats([spec.cost_ratio for spec in specs]),
        violation_target=_floats([spec.violation_target for spec in specs]),
        cold_worth_s=_floats([spec.cold_request_worth_s for spec in specs]),
        hold_s=_floats([spec.hold_s for spec in specs]),
        start_prior_s=_floats([spec.cold_start.prior_s for spec in specs]),
        start_quantile=_floats([spec.cold_start.quantile for spec in specs]),
        price=_floats([spec.replica_price_per_hour for spec in specs]),
    )


def _flags(found: Sequence[bool]) -> Flags:
    return np.array(found, np.bool_)


def _floats(found: Sequence[float | None]) -> Floats:
    """None becomes NaN."""
    return np.array(found, np.float64)

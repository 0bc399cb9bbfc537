"""One deployment as the cluster shows it, and what that is to the policy."""

from collections.abc import Mapping
from typing import NamedTuple

from configs.autoscaling import AutoscalingSpec, CalendarSpec
from deployments.autoscaling.live.feed import MOST, Report, Totals
from deployments.autoscaling.signals import Observation


class Sight(NamedTuple):
    """One deployment now; `ongoing` is the cluster's own count, late and averaged."""

    name: str
    spec: AutoscalingSpec
    calendar: CalendarSpec
    ready: int
    target: int
    running: tuple[str, ...]
    ongoing: float
    reports: Mapping[str, Report]


def observe(sight: Sight, totals: Totals, *, reportable: bool) -> Observation:
    """What the policy is told; `reportable`: some replica could have reported."""
    arrived, completed, ongoing = totals.arrived, totals.completed, totals.ongoing
    if arrived is None:
        # Only the cluster's count is left. Where nothing runs, silence means nothing.
        ongoing = sight.ongoing if 0 <= sight.ongoing <= MOST else 0.0
    queued = max(0.0, ongoing - sight.spec.capacity.slots * sight.ready)
    if arrived is None and not reportable:
        arrived = totals.counted
    return Observation(arrived, completed, queued, ongoing, sight.ready, sight.target)

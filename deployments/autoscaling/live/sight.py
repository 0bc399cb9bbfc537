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
    if sight.spec.capacity.unit != "requests":
        return _of_work(sight, totals, reportable=reportable)
    arrived, completed, ongoing = totals.arrived, totals.completed, totals.ongoing
    if arrived is None:
        ongoing = _clusters_own(sight)
    queued = _beyond_slots(sight, ongoing)
    if arrived is None and not reportable:
        # Where nothing runs, silence means nothing.
        arrived = totals.counted
    return Observation(arrived, completed, queued, ongoing, sight.ready, sight.target)


def _of_work(sight: Sight, totals: Totals, *, reportable: bool) -> Observation:
    """Arrivals, service and queue in the deployment's own unit; slots are of requests.

    Requests without any work counted say nothing of it: that is silence.
    """
    told = totals.came > 0 or totals.counted <= 0
    heard = told and (totals.arrived is not None or not reportable)
    per_request = totals.came / totals.counted if totals.counted > 0 else 1.0
    ongoing = totals.ongoing if totals.arrived is not None else _clusters_own(sight)
    queued = _beyond_slots(sight, ongoing) * per_request + totals.waiting
    if per_request > 0:
        ongoing += totals.waiting / per_request
    return Observation(
        totals.came if heard else None,
        totals.done if heard and totals.completed is not None else None,
        queued,
        ongoing,
        sight.ready,
        sight.target,
    )


def _clusters_own(sight: Sight) -> float:
    """Only the cluster's count is left."""
    return sight.ongoing if 0 <= sight.ongoing <= MOST else 0.0


def _beyond_slots(sight: Sight, ongoing: float) -> float:
    return max(0.0, ongoing - sight.spec.capacity.slots * sight.ready)

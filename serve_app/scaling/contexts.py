"""What Ray Serve 2.60 shows a policy, read into plain values.

Source: `ray.serve.config.AutoscalingContext`. Its metrics are computed when they are read,
so each is read once a tick and not at all between.
"""

import logging
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from pydantic import ValidationError

from deployments.autoscaling.live.fallback import Seen
from deployments.autoscaling.live.feed import Report
from deployments.autoscaling.live.sight import Sight
from serve_app.scaling.terms import ScalingConfig, Terms, spec_of_bounds, terms_of

log = logging.getLogger("ray.serve")


class DeploymentKey(Protocol):
    """The part of `ray.serve._private.common.DeploymentID` that is read here."""

    @property
    def name(self) -> str:
        """The deployment."""
        ...

    @property
    def app_name(self) -> str:
        """Its application."""
        ...


class Context(Protocol):
    """The part of `ray.serve.config.AutoscalingContext` that is read here."""

    config: Any
    current_num_replicas: int
    target_num_replicas: int
    running_replicas: Sequence[Any]
    capacity_adjusted_min_replicas: int
    capacity_adjusted_max_replicas: int

    @property
    def total_num_requests(self) -> float:
        """Requests that run or wait, over the look-back period."""
        ...

    @property
    def raw_metrics(self) -> Mapping[str, Mapping[Any, Sequence[Any]]] | None:
        """What replicas reported, by metric and replica, as points in time."""
        ...


class Reader:
    """Reads contexts; remembers the terms of configs it has seen."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[ScalingConfig, Terms]] = {}

    def terms(self, name: str, context: Context) -> Terms:
        """What a deployment is held to now."""
        known = self._known.get(name)
        if known is None or known[0] is not context.config:
            known = (context.config, _terms(name, context.config))
            self._known[name] = known
        return known[1]

    def sight(self, name: str, context: Context) -> Sight:
        """One deployment, by the name it has in its application."""
        terms, raw = self.terms(name, context), context.raw_metrics
        return Sight(
            name,
            terms.spec,
            terms.calendar,
            context.current_num_replicas,
            context.target_num_replicas,
            tuple([one.unique_id for one in context.running_replicas]),
            context.total_num_requests,
            reports(raw) if raw else {},
        )


def _terms(name: str, config: ScalingConfig) -> Terms:
    try:
        return terms_of(config)
    except ValidationError as error:
        log.warning(
            "%s scales within its bounds, its terms are refused: %s", name, error
        )
        return Terms(spec=spec_of_bounds(config))


def reports(raw: Mapping[str, Mapping[Any, Sequence[Any]]]) -> dict[str, Report]:
    """The last point of every metric, by replica; all points of a report have one time."""
    values: dict[str, dict[str, float]] = {}
    stamps: dict[str, float] = {}
    for metric, by_replica in raw.items():
        for replica, points in by_replica.items():
            if not points:
                continue
            last, name = points[-1], replica.unique_id
            found = values.get(name)
            if found is None:
                found = values[name] = {}
            found[metric] = last.value
            stamps[name] = last.timestamp
    return {name: Report(stamps[name], found) for name, found in values.items()}


def seen(context: Context) -> Seen:
    """The least that must be known to hold a deployment up when deciding fails."""
    return Seen(
        ongoing=context.total_num_requests,
        per_replica=context.config.get_target_ongoing_requests(),
        ready=context.current_num_replicas,
        target=context.target_num_replicas,
        least=context.capacity_adjusted_min_replicas,
        most=context.capacity_adjusted_max_replicas,
    )

"""From a deployment's Spec to what Ray Serve must be told so that it obeys the policy."""

from collections.abc import Sequence
from pathlib import Path

from configs.autoscaling import AutoscalingSpec, CalendarSpec, ScalingSpec
from configs.catalogue import Catalogue
from configs.errors import ConfigError
from configs.spec import read_spec
from deployments.autoscaling.guard import REACTIVE_PART
from serve_app.scaling.terms import Terms, carried

FIXED = AutoscalingSpec(mode="always_warm", min_replicas=1, max_replicas=1)
PUSH_S = 1.0
"""Replicas report every second; Ray's own ten would be half a start late."""

LOOK_BACK_S = 5.0


def autoscaling_configs(
    scaling: ScalingSpec | None, deployments: Sequence[str], catalogue: Catalogue
) -> dict[str, dict[str, object]]:
    """`autoscaling_config` of every deployment; nothing when none is to scale.

    Raises:
        ConfigError: a deployment or a calendar does not exist.
    """
    if scaling is None:
        return {}
    for name in scaling.deployments:
        if name not in deployments:
            raise ConfigError(
                Path("args"),
                f"autoscaling.deployments.{name}",
                f"is not a deployment of this layout: {sorted(deployments)}",
            )
    # Ray collects what replicas report only from those that scale, if only in name.
    specs = {name: scaling.deployments.get(name, FIXED) for name in deployments}
    return {
        name: autoscaling_config(_terms(scaling, spec, catalogue))
        for name, spec in specs.items()
    }


def _terms(scaling: ScalingSpec, spec: AutoscalingSpec, catalogue: Catalogue) -> Terms:
    if spec.calendar is None:
        return Terms(spec=spec, fleet=scaling.fleet)
    calendar = read_spec(catalogue.root / spec.calendar, CalendarSpec)
    return Terms(spec=spec, calendar=calendar, fleet=scaling.fleet)


def autoscaling_config(terms: Terms) -> dict[str, object]:
    """`autoscaling_config` of a deployment.

    The delays are the policy's business, so Ray adds none; a deployment that is only
    watched keeps Ray's own rule with Ray's own delays.
    """
    spec = terms.spec
    least, most = bounds(spec)
    shared: dict[str, object] = {
        "min_replicas": least,
        "max_replicas": most,
        "target_ongoing_requests": max(1.0, REACTIVE_PART * spec.capacity.slots),
        "metrics_interval_s": PUSH_S,
        "look_back_period_s": LOOK_BACK_S,
        "policy": {"policy_kwargs": carried(terms)},
    }
    if spec.shadow:
        return shared
    return shared | {"upscale_delay_s": 0, "downscale_delay_s": 0}


def bounds(spec: AutoscalingSpec) -> tuple[int, int]:
    """The bounds that hold at every hour, as Ray knows only one pair."""
    lows = [one.min_replicas for one in spec.schedule if one.min_replicas is not None]
    highs = [one.max_replicas for one in spec.schedule if one.max_replicas is not None]
    return min([spec.min_replicas, *lows]), max([spec.max_replicas, *highs])

"""How a deployment is to scale, on its way from the Serve file to the controller.

Ray carries it as the `policy_kwargs` of the deployment's autoscaling config: Ray's own policy,
which an application-level policy replaces, takes none. So they are stored, restored and
replaced together with the deployment.
"""

from collections.abc import Mapping
from typing import Any, Protocol

from configs.autoscaling import AutoscalingSpec, CalendarSpec, FleetSpec
from configs.spec import Spec

KEY = "headwater"


class Terms(Spec):
    """What one deployment is held to."""

    spec: AutoscalingSpec = AutoscalingSpec()
    calendar: CalendarSpec = CalendarSpec()
    fleet: FleetSpec = FleetSpec()


class PolicyConfig(Protocol):
    """The part of `ray.serve.config.AutoscalingPolicy` that is read here."""

    @property
    def policy_kwargs(self) -> Mapping[str, Any]:
        """What the policy is made with."""
        ...


class ScalingConfig(Protocol):
    """The part of `ray.serve.config.AutoscalingConfig` that is read here."""

    policy: Any
    min_replicas: int
    max_replicas: int

    def get_target_ongoing_requests(self) -> float:
        """Requests a replica is to hold at once."""
        ...


def carried(terms: Terms) -> dict[str, Any]:
    """Terms as `policy_kwargs`."""
    return {KEY: terms.model_dump(mode="json")}


def terms_of(config: ScalingConfig) -> Terms:
    """The terms that a deployment's config carries; without any, its bounds are kept.

    Raises:
        ValidationError: they are those of another version of Headwater.
    """
    found = config.policy.policy_kwargs.get(KEY)
    return (
        Terms(spec=spec_of_bounds(config))
        if found is None
        else Terms.model_validate(found)
    )


def spec_of_bounds(config: ScalingConfig) -> AutoscalingSpec:
    """How to scale where nothing is said but Ray's own bounds."""
    least, most = config.min_replicas, config.max_replicas
    return AutoscalingSpec(min_replicas=least, max_replicas=most)

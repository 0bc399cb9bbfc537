from datetime import time

import pytest

from configs.autoscaling import (
    AutoscalingSpec,
    FleetSpec,
    ScalingSpec,
    ScheduleSpec,
)
from configs.catalogue import load_catalogue
from configs.errors import ConfigError
from serve_app.scaling.contexts import Reader
from serve_app.scaling.terms import KEY, Terms, carried
from serve_app.scaling.wiring import autoscaling_config, autoscaling_configs, bounds
from tests.fakes_scaling import Config, RayTown
from tests.tiny_models import make_tiny_catalogue

NIGHT = ScheduleSpec(start=time(22), end=time(6), min_replicas=0, max_replicas=50)


@pytest.fixture
def catalogue(tmp_path):
    return load_catalogue(make_tiny_catalogue(tmp_path))


def test_ray_is_told_bounds_that_hold_at_every_hour():
    spec = AutoscalingSpec(min_replicas=2, max_replicas=5, schedule=(NIGHT,))

    assert bounds(spec) == (0, 50)


def test_ray_adds_no_delay_to_what_the_policy_decides():
    told = autoscaling_config(Terms())

    assert (told["upscale_delay_s"], told["downscale_delay_s"]) == (0, 0)


def test_watched_deployment_keeps_rays_delays():
    told = autoscaling_config(Terms(spec=AutoscalingSpec(shadow=True)))

    assert "upscale_delay_s" not in told
    assert "downscale_delay_s" not in told


def test_deployment_that_is_not_named_has_one_replica(catalogue):
    scaling = ScalingSpec(deployments={"ingress": AutoscalingSpec(max_replicas=4)})

    told = autoscaling_configs(scaling, ["ingress", "model:a"], catalogue)

    assert [(one["min_replicas"], one["max_replicas"]) for one in told.values()] == [
        (1, 4),
        (1, 1),
    ]


def test_nothing_is_told_when_nothing_is_to_scale(catalogue):
    assert autoscaling_configs(None, ["ingress"], catalogue) == {}


def test_unknown_deployment_is_named_with_those_that_are_there(catalogue):
    scaling = ScalingSpec(deployments={"ingres": AutoscalingSpec()})

    with pytest.raises(ConfigError, match=r"deployments\.ingres: .*\['ingress'\]"):
        autoscaling_configs(scaling, ["ingress"], catalogue)


def test_terms_come_back_as_they_went():
    terms = Terms(
        spec=AutoscalingSpec(schedule=(NIGHT,), mode="serverless", min_replicas=0),
        fleet=FleetSpec(budget_per_hour=3.5),
    )
    town = RayTown(AutoscalingSpec())
    town.config = Config(terms)
    (context,) = town.contexts().values()

    assert Reader().terms("ingress", context) == terms


def test_special_days_travel_with_the_deployment(catalogue):
    (catalogue.root / "sales.yaml").write_text(
        "special_days: [{first: 2026-11-27, last: 2026-11-30, factor: 3}]\n"
    )
    scaling = ScalingSpec(
        deployments={"ingress": AutoscalingSpec(calendar="sales.yaml")}
    )

    told = autoscaling_configs(scaling, ["ingress"], catalogue)

    policy = told["ingress"]["policy"]
    assert isinstance(policy, dict)
    (day,) = policy["policy_kwargs"][KEY]["calendar"]["special_days"]
    assert day["factor"] == 3


def test_missing_calendar_is_named(catalogue):
    scaling = ScalingSpec(deployments={"ingress": AutoscalingSpec(calendar="no.yaml")})

    with pytest.raises(ConfigError, match=r"no\.yaml"):
        autoscaling_configs(scaling, ["ingress"], catalogue)


def test_deployment_without_terms_scales_within_rays_bounds():
    town = RayTown(AutoscalingSpec(min_replicas=2, max_replicas=6))
    town.config.policy.policy_kwargs = {}
    (context,) = town.contexts().values()

    spec = Reader().terms("ingress", context).spec

    assert (spec.mode, spec.min_replicas, spec.max_replicas) == ("hybrid", 2, 6)


def test_terms_of_another_version_are_refused_with_a_warning(caplog):
    town = RayTown(AutoscalingSpec(max_replicas=6))
    town.config.policy.policy_kwargs = carried(Terms())
    town.config.policy.policy_kwargs[KEY]["spec"]["vigour"] = 11
    (context,) = town.contexts().values()

    assert Reader().terms("ingress", context).spec.max_replicas == 6
    assert "its terms are refused" in caplog.text

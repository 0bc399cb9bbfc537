"""Deployments whose requests differ in size: what is forecast is their work."""

import pytest

from configs.autoscaling import AutoscalingSpec, CapacitySpec, ColdStartSpec
from tests.fakes_scaling import Town


def spec(unit):
    return AutoscalingSpec(
        max_replicas=12,
        cold_start=ColdStartSpec(prior_s=3),
        capacity=CapacitySpec(unit=unit, requests_per_s=1000, slots=64),
    )


@pytest.fixture
def town(tmp_path):
    return Town(tmp_path, spec("tokens"), rate=1000)


def test_same_requests_with_more_tokens_take_more_replicas(town):
    town.tokens = 100
    short = town.run(120, 10)[-1]

    town.tokens = 400
    long = town.run(120, 10)[-1]

    assert (short <= 3, long >= 5) == (True, True), (short, long)


def test_tokens_that_nobody_counts_leave_it_to_the_reactive_rule(town):
    town.run(60, 10)

    town.run(200, 10)

    reasons = {one["reason"] for one in town.lines("decision")}
    assert "silent" in reasons
    assert town.shell.faults == 0


def test_line_of_jobs_is_worked_off(tmp_path):
    town = Town(tmp_path, spec("jobs"), rate=1000)
    town.run(60, 0)
    board = town.replicas[min(town.replicas)].meter.work
    board.come("ingress", 20_000)
    board.waiting("ingress", 20_000)

    waited = town.run(30, 0)
    board.done("ingress", 20_000)
    board.waiting("ingress", 0)
    calm = town.run(300, 0)[-1]

    assert max(waited) >= 4
    assert calm == 1

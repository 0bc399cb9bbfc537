import itertools
import math
import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from configs.autoscaling import FleetSpec
from deployments.autoscaling.autoscaler import Autoscaler
from deployments.autoscaling.prior import packaged_priors
from deployments.autoscaling.signals import Observation
from deployments.autoscaling.timeline import Now
from tests.fakes_autoscaling import Town, spec

ANY = st.one_of(st.none(), st.floats(), st.floats(0, 1e6))
OBSERVED = st.builds(
    Observation,
    arrived=ANY,
    completed=ANY,
    queued=st.floats(),
    ongoing=st.floats(),
    ready=st.integers(-3, 200),
    target=st.integers(-3, 200),
)
CLOCKS = st.tuples(st.floats(), st.floats())
MODES = ("always_warm", "reactive", "predictive", "serverless", "hybrid")


@pytest.fixture
def town():
    return Town(Autoscaler(priors=packaged_priors()))


@settings(deadline=None, max_examples=150)
@given(
    st.lists(
        st.tuples(CLOCKS, st.dictionaries(st.sampled_from("abc"), OBSERVED)),
        min_size=1,
        max_size=12,
    ),
    st.sampled_from(MODES),
)
def test_whatever_is_observed_the_bounds_hold(ticks, mode):
    autoscaler = Autoscaler()
    autoscaler.configure(
        {"a": spec(mode=mode, min_replicas=2, max_replicas=7), "b": spec(mode=mode)}
    )

    for (monotonic_s, wall_s), seen in ticks:
        made = autoscaler.tick(Now(monotonic_s, wall_s), seen)
        for name, decision in made.items():
            least, most = (2, 7) if name == "a" else (1, 100)
            assert least <= decision.replicas <= most
            if decision.reason != "starts overdue":
                assert decision.replicas >= min(decision.backlog, most)
            assert math.isfinite(decision.point)
            assert math.isfinite(decision.quantile)


@settings(deadline=None, max_examples=25)
@given(st.lists(st.floats(0, 5000), min_size=70, max_size=160))
def test_never_below_what_the_present_queue_asks_for(rates):
    town = Town(Autoscaler(priors=packaged_priors()))
    town.autoscaler.configure({"a": spec(max_replicas=50)})

    for rate in rates:
        made = town.second({"a": rate})["a"]
        assert made.replicas >= min(made.backlog, 50)


def test_steady_load_holds_a_steady_number(town):
    town.autoscaler.configure({"a": spec()})
    noise = np.random.default_rng(0)
    town.run(1800, lambda second: {"a": float(noise.poisson(95))})

    made = town.run(1800, lambda second: {"a": float(noise.poisson(95))})

    counts = [one["a"].replicas for one in made]
    changes = sum(a != b for a, b in itertools.pairwise(counts))
    assert changes <= 40
    assert 10 <= np.mean(counts) <= 13


def test_ramp_is_served_without_a_queue(town):
    town.autoscaler.configure({"a": spec()})
    town.run(900, lambda second: {"a": 40.0})

    town.run(600, lambda second: {"a": 40 + 0.2 * (second - 900)})

    assert town.queued["a"] < 60


def test_all_traffic_gone_leaves_the_minimum(town):
    town.autoscaler.configure({"a": spec()})
    town.run(600, lambda second: {"a": 80.0})

    made = town.run(1800, lambda second: {"a": 0.0})

    assert made[-1]["a"].replicas == 1


def test_hybrid_goes_to_zero_when_nothing_comes_and_wakes_at_the_first_request(town):
    town.autoscaler.configure({"a": spec(min_replicas=0)})
    town.run(600, lambda second: {"a": 20.0})

    asleep = town.run(3600, lambda second: {"a": 0.0})[-1]["a"]
    awake = town.second({"a": 3.0})["a"]

    assert (asleep.replicas, asleep.reason) == (0, "idle")
    assert awake.replicas >= 1


def test_predictable_request_after_silence_finds_a_replica(town):
    town.autoscaler.configure({"a": spec(mode="serverless", min_replicas=0)})

    def every_twenty_minutes(second):
        return {"a": 1.0 if second % 1200 == 0 else 0.0}

    made = town.run(10 * 1200, every_twenty_minutes)

    held = sum(one["a"].replicas for one in made[-1200:])
    assert town.ready["a"] >= 1
    assert held < 900


def test_predictive_without_minimum_is_refused():
    with pytest.raises(ValueError, match="predictive keeps a replica"):
        spec(mode="predictive", min_replicas=0)


def test_maximum_is_said_when_it_is_reached(town):
    town.autoscaler.configure({"a": spec(max_replicas=3)})

    made = town.run(300, lambda second: {"a": 100.0})[-1]["a"]

    assert (made.replicas, made.reason) == (3, "maximum")


def test_replica_that_never_becomes_ready_makes_no_order_storm(town):
    town.autoscaler.configure({"a": spec()})
    town.run(300, lambda second: {"a": 30.0})
    town.start_s = 10**9

    made = town.run(600, lambda second: {"a": 60.0})

    assert made[-1]["a"].reason == "starts overdue"
    assert made[-1]["a"].replicas == made[-300]["a"].replicas


def test_silent_metrics_hold_and_then_react(town):
    town.autoscaler.configure({"a": spec()})
    town.run(600, lambda second: {"a": 80.0})
    before = town.targets["a"]
    silent = Observation(None, None, 0.0, 60.0, before, before)
    ticks = [
        town.autoscaler.tick(Now(town.now + late, town.now + late), {"a": silent})["a"]
        for late in range(1, 400)
    ]

    assert all(made.replicas >= before for made in ticks[:59])
    assert ticks[30].reason == "silent"
    assert ticks[-1].replicas == 20


def test_hour_without_ticks_is_not_taken_for_a_burst(town):
    town.autoscaler.configure({"a": spec()})
    before = town.run(600, lambda second: {"a": 80.0})[-1]["a"].replicas
    town.now += 3600
    town.arrived["a"] += 3600 * 80.0

    made = town.run(100, lambda second: {"a": 80.0})

    assert max(one["a"].replicas for one in made) <= before + 3


def test_clock_that_steps_back_changes_nothing(town):
    town.autoscaler.configure({"a": spec()})
    before = town.run(600, lambda second: {"a": 80.0})[-1]["a"].replicas
    town.now -= 500
    town.orders.clear()

    made = town.run(100, lambda second: {"a": 80.0})

    assert {one["a"].replicas for one in made} <= {before, before + 1, before - 1}


def test_deployment_that_vanished_is_remembered_when_it_returns(town):
    town.autoscaler.configure({"a": spec(), "b": spec()})
    town.run(600, lambda second: {"a": 80.0, "b": 5.0})
    learnt = town.autoscaler.memory.lasting(0)["mean"]["weights"]

    town.autoscaler.configure({"b": spec()})
    town.autoscaler.configure({"b": spec(), "a": spec()})

    memory = town.autoscaler.memory
    again = memory.lasting(memory.names.index("a"))["mean"]["weights"]
    assert np.array_equal(again, learnt)


def test_new_deployment_keeps_what_it_has_for_a_minute(town):
    town.autoscaler.configure({"a": spec()})
    seen = Observation(0.0, 0.0, 0.0, 0.0, 6, 6)

    made = town.autoscaler.tick(Now(1, 1), {"a": seen})["a"]

    assert made.replicas == 6


def test_shadow_decides_but_does_not_act(town):
    town.autoscaler.configure({"a": spec(shadow=True)})

    assert not town.second({"a": 5.0})["a"].acts


def test_fleet_stays_within_its_budget(town):
    town.autoscaler = Autoscaler(FleetSpec(budget_per_hour=8.0), packaged_priors())
    town.autoscaler.configure({"a": spec(), "b": spec()})

    made = town.run(300, lambda second: {"a": 80.0, "b": 40.0})[-1]

    assert sum(one.replicas for one in made.values()) == 8
    assert "budget" in {one.reason for one in made.values()}


def test_always_warm_holds_the_maximum(town):
    town.autoscaler.configure({"a": spec(mode="always_warm", max_replicas=9)})

    assert town.run(70, lambda second: {"a": 1.0})[-1]["a"].replicas == 9


def test_more_at_stake_asks_for_a_larger_part(town):
    town.autoscaler.configure({"a": spec()})
    policy = town.autoscaler.policy

    assert policy.alpha(np.array([200.0])) > policy.alpha(np.array([20.0]))


def test_violation_target_moves_the_cost_ratio(town):
    town.autoscaler.configure({"a": spec(violation_target=0.2, cost_ratio=30)})
    noise = np.random.default_rng(0)

    town.run(3600, lambda second: {"a": float(noise.poisson(60))})

    assert town.autoscaler.memory.tuning.factor[0] < 0.9


def test_same_input_gives_the_same_decisions():
    def decided():
        town = Town(Autoscaler(priors=packaged_priors()))
        town.autoscaler.configure({"a": spec()})
        noise = np.random.default_rng(5)
        return town.run(400, lambda second: {"a": float(noise.poisson(40))})

    assert decided() == decided()


def test_thousand_deployments_are_decided_at_once():
    autoscaler = Autoscaler(priors=packaged_priors())
    names = [f"m{number}" for number in range(1000)]
    autoscaler.configure({name: spec() for name in names})
    seen = {name: Observation(10.0, 10.0, 0.0, 2.0, 1, 1) for name in names}

    made = autoscaler.tick(Now(1, 1), seen)

    assert len(made) == 1000


def test_decision_says_what_a_reactive_rule_would_do(town):
    town.autoscaler.configure({"a": spec()})

    said = town.run(100, lambda second: {"a": 30.0})[-1]["a"].explain()

    assert re.search(r"a reactive rule would hold \d", said)

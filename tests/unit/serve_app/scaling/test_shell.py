"""The policy in front of a cluster that misbehaves; no Ray is imported."""

import pytest

from serve_app.scaling.shell import REBUILD_S, folder_of
from tests.fakes_scaling import Key, RayTown, Town, spec


@pytest.fixture
def town(tmp_path):
    return Town(tmp_path)


def test_load_raises_the_number_of_replicas_and_its_end_lowers_it(town):
    town.run(10, 5)
    busy = town.run(60, 45)[-1]
    calm = town.run(200, 2)[-1]

    assert (busy >= 5, calm <= 2) == (True, True), (busy, calm)


def test_within_a_second_the_answer_stays_and_nothing_is_read(town):
    town.run(5, 5)
    contexts = town.contexts()
    del contexts[Key("ingress")].raw_metrics

    assert town.shell.decide(contexts) == {Key("ingress"): town.target}
    assert town.shell.faults == 0


def test_minimum_is_kept_and_maximum_is_said(tmp_path):
    town = Town(tmp_path, spec(min_replicas=2, max_replicas=3))

    idle = town.run(40, 0)[-1]
    busy = town.run(60, 90)[-1]

    assert (idle, busy) == (2, 3)
    assert "maximum" in {one["reason"] for one in town.lines("decision")}


def test_always_warm_holds_the_maximum(tmp_path):
    assert Town(tmp_path, spec(mode="always_warm")).run(5)[-1] == 8


def test_death_of_a_replica_is_no_drop_of_traffic(town):
    town.run(90, 40)
    before = town.target

    town.kill()
    after = town.run(20, 40)

    assert min(after) >= before - 1


def test_every_start_is_traced_to_what_ordered_it(town):
    town.run(10, 2)
    town.run(60, 60)

    starts = town.lines("start")
    assert len(starts) == town.made
    assert starts[0]["cause"] == "deployment"
    ordered = [one for one in starts if one["cause"] == "decision"]
    assert ordered
    told = {(one["reason"], one["replicas"]) for one in town.lines("decision")}
    assert {(one["reason"], one["replicas"]) for one in ordered} <= told
    assert {round(one["took_s"]) for one in ordered} == {town.start_s}


def test_shadow_leaves_the_decision_to_rays_rule_and_reports_its_own(tmp_path):
    town = Town(tmp_path, spec(mode="always_warm", shadow=True))

    acted = town.run(30, 5)

    lines = town.lines("decision")
    assert max(acted) < 8
    assert {(one["replicas"], one["acts"]) for one in lines} == {(8, False)}


def test_silent_metrics_hold_and_then_follow_rays_own_count(town):
    town.run(60, 30)
    before = town.target
    for replica in town.replicas.values():
        replica.silent = True

    held = town.run(50, 30)
    later = town.run(200, 30)[-1]

    assert min(held) >= before
    assert later >= 2
    assert "silent" in {one["reason"] for one in town.lines("decision")}


def test_replicas_that_never_become_ready_cause_no_storm_of_orders(town):
    town.run(30, 10)
    town.start_s = 10_000

    answers = town.run(120, 80)

    assert max(answers) == max(answers[:30])
    assert "starts overdue" in {one["reason"] for one in town.lines("decision")}


@pytest.mark.parametrize("step_s", [-86_400, 3600, 86_400 * 30])
def test_wall_clock_that_steps_changes_no_decision(town, step_s):
    town.run(60, 30)
    before = town.target

    town.wall_s += step_s
    answers = town.run(20, 30)

    assert abs(max(answers) - before) <= 1
    assert town.shell.faults == 0


@pytest.mark.parametrize("step_s", [-500.0, 5.0, 4000.0])
def test_running_clock_that_jumps_is_survived(town, step_s):
    town.run(60, 30)
    before = town.target

    town.now_s += step_s
    answers = town.run(20, 30)

    assert min(answers) >= before - 1
    assert town.shell.faults == 0


def test_missing_ticks_are_no_burst(town):
    town.run(60, 30)
    before = town.target
    for _ in range(20):
        town.second(lambda contexts: {}, 30)

    assert max(town.run(20, 30)) <= before + 1


@pytest.mark.parametrize("value", [float("nan"), -5.0, 1e300, float("inf")])
def test_counts_that_cannot_be_move_nothing_beyond_the_bounds(town, value):
    town.run(30, 10)

    def lying(contexts):
        for by_replica in contexts[Key("ingress")].raw_metrics.values():
            for replica, (point,) in by_replica.items():
                by_replica[replica] = [type(point)(point.timestamp, value)]
        return town.shell.decide(contexts)

    answers = [town.second(lying, 10)[Key("ingress")] for _ in range(10)]

    assert all(1 <= answer <= 8 for answer in answers)
    assert town.shell.faults == 0


def test_deployments_appear_and_vanish(town):
    town.run(20, 10)
    both = {**town.contexts(), Key("late"): RayTown(spec(min_replicas=2)).contexts()}
    both[Key("late")] = RayTown(spec(min_replicas=2), replicas=2).contexts()[
        Key("ingress")
    ]

    told = town.shell.decide(both)
    town.now_s += 1
    told = town.shell.decide(both)
    alone = town.run(5, 10)

    assert told[Key("late")] == 2
    assert len(alone) == 5
    assert town.shell.faults == 0


def test_no_deployment_at_all_is_no_fault(town):
    assert town.shell.decide({}) == {}


def test_new_controller_keeps_what_runs_and_what_was_learnt(town):
    town.run(10, 2)
    town.run(80, 60)
    before = town.target
    learnt = town.lines("decision")[-1]
    # Replicas are found again one by one.
    found, town.replicas = town.replicas, {}

    town.restart()
    answers = [town.second(town.shell.decide)[Key("ingress")] for _ in range(3)]
    town.replicas = found
    answers += town.run(20, 60)

    last = town.lines("decision")[-1]
    assert min(answers) >= before - 1
    assert last["start_s"] == pytest.approx(learnt["start_s"], abs=0.5)
    assert last["per_replica"] == pytest.approx(learnt["per_replica"], rel=0.2)


def test_scale_to_zero_waits_for_a_request_and_starts_for_it(tmp_path):
    town = Town(tmp_path, spec(mode="serverless", min_replicas=0))
    town.run(20, 5)
    idle = town.run(2000, 0)[-1]
    town.waiting = 3

    woken = town.run(3, 0)[-1]

    assert (idle, woken) == (0, 1)


def raising(where, name):
    def fail(*args, **kwargs):
        raise ArithmeticError(f"{where}.{name}")

    return fail


def test_failure_for_long_begins_anew_and_sets_the_state_aside(town, monkeypatch):
    town.run(60, 30)
    folder = folder_of(town.home, "app")
    assert (folder / "state.npz").exists()

    with monkeypatch.context() as patch:
        patch.setattr(
            "deployments.autoscaling.autoscaler.Autoscaler.tick", raising("tick", "")
        )
        failing = town.run(int(REBUILD_S) + 5, 60)
    assert (folder / "state.rejected.npz").exists()
    answers = town.run(30, 60)

    assert min(failing) >= 2
    assert town.shell.faults >= REBUILD_S
    assert min(answers) >= 2


def test_failure_is_logged_once_a_minute(town, monkeypatch, caplog):
    town.run(5, 5)
    monkeypatch.setattr("deployments.autoscaling.live.feed.Feed.hear", raising("", ""))

    town.run(100, 5)

    assert caplog.text.count("autoscaling failed") == 2
    assert town.shell.faults == 100

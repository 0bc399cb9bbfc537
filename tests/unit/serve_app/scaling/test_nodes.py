"""What the cluster autoscaler is told, and when."""

from datetime import time

from configs.autoscaling import FleetSpec, ScheduleSpec
from serve_app.scaling.nodes import AGAIN_S, Nodes
from tests.fakes_scaling import Inline, Town, spec

CPU = (("CPU", 1.0),)
EARLY = FleetSpec(node_start_s=120)


def test_nobody_is_told_where_nodes_take_no_time(tmp_path):
    town = Town(tmp_path)

    town.run(60, 40)

    assert town.requests == []


def test_room_is_asked_for_all_that_run_or_will(tmp_path):
    town = Town(tmp_path, spec(replica_resources={"CPU": 2, "GPU": 1}), fleet=EARLY)

    town.run(60, 40)

    asked = town.requests[-1]
    assert asked == [{"CPU": 2.0, "GPU": 1.0}] * len(asked)
    assert len(asked) >= town.target > 1


def test_nodes_for_a_scheduled_minimum_are_ordered_before_its_replicas(tmp_path):
    # The town's Monday begins at midnight.
    span = ScheduleSpec(start=time(0, 4), end=time(1), min_replicas=6)
    town = Town(tmp_path, spec(schedule=(span,)), fleet=EARLY)

    town.run(60, 1)
    before = len(town.requests[-1])
    town.run(100, 1)

    assert (before, len(town.requests[-1])) == (1, 6)
    assert town.target < 6


def test_traffic_that_ends_gives_the_room_back(tmp_path):
    town = Town(tmp_path, fleet=EARLY)

    town.run(60, 60)
    busy = len(town.requests[-1])
    town.run(900, 1)

    assert len(town.requests[-1]) < busy


def test_watched_deployment_counts_with_what_its_own_rule_has_ordered(tmp_path):
    town = Town(tmp_path, spec(mode="always_warm", shadow=True), fleet=EARLY)

    town.run(30, 5)

    assert max(map(len, town.requests)) < 8


def test_same_need_is_told_again_only_after_a_while():
    told: list[object] = []
    nodes = Nodes(told.append, Inline())

    nodes.need((CPU,), 0)
    nodes.need((CPU,), AGAIN_S - 1)
    nodes.need((CPU, CPU), AGAIN_S - 1)
    nodes.need((CPU, CPU), 2 * AGAIN_S)

    assert told == [[{"CPU": 1.0}], [{"CPU": 1.0}] * 2, [{"CPU": 1.0}] * 2]


def test_cluster_that_refuses_is_asked_again_and_stops_nobody():
    told = []

    def refuse(bundles):
        told.append(bundles)
        raise RuntimeError("no cluster")

    nodes = Nodes(refuse, Inline())
    nodes.need((CPU,), 0)
    nodes.need((CPU,), 2 * AGAIN_S)

    assert len(told) == 2


def test_request_under_way_is_not_overtaken():
    told: list[object] = []
    runner = Inline()
    nodes = Nodes(told.append, runner)
    runner.stuck = True

    nodes.need((CPU,), 0)
    runner.stuck = False
    nodes.need((CPU,), 1)

    assert told == [[{"CPU": 1.0}]]

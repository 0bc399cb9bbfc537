"""Ray shells: a node on another deployment, and the deployment that hosts it."""

import asyncio
import math
import time
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import ray
from ray import serve
from ray.exceptions import RayActorError, RayError
from ray.serve.exceptions import BackPressureError, DeploymentUnavailableError
from ray.serve.handle import DeploymentHandle

from deployments.autoscaling.live.meter import Meter, Metered
from deployments.blueprint import Blueprint
from deployments.budget import Budget, size_bytes
from deployments.control import ModelStatistics
from deployments.editions import Edition
from deployments.ensemble_counters import EnsembleCounters
from deployments.errors import BackendFailed, NotReady, Overloaded, ServingError
from deployments.fleet import RayKeys
from deployments.graph import Graph
from deployments.messages import CALM, Reply, Request
from deployments.nodes import Node
from deployments.repository.board import Board, mark_of
from deployments.repository.reports import Place, Report
from deployments.residency import memory
from deployments.residency.replica import open_residency
from deployments.shadow.gauges import ShadowGauges
from deployments.slots import Slots
from deployments.station import Station

READY_WITHIN_S = 2.0
COME_BACK_S = 1.0


class RemoteNode:
    """Calls one node of another deployment; errors arrive as if it were here."""

    def __init__(self, handle: "DeploymentHandle[NodeServer]", name: str) -> None:
        self._handle, self._name = handle, name

    async def infer(self, request: Request) -> Reply:
        """See `Node.infer`."""
        if request.urgency is not CALM:  # another machine has another clock
            left = request.urgency.shifted(-time.monotonic())
            request = replace(request, urgency=left)
        answer = self._handle.infer.remote(self._name, request)
        try:
            reply: Reply = await answer
        except asyncio.CancelledError:
            answer.cancel()  # type: ignore[no-untyped-call]
            raise
        except (RayError, BackPressureError, DeploymentUnavailableError) as error:
            raise _translated(error, self._name) from error
        return reply


class Stationed:
    """What Ray and control ask of every replica, whatever else it answers."""

    _meter: Meter
    _station: Station

    def record_autoscaling_stats(self) -> dict[str, float]:
        """Ray Serve asks every second and tells the autoscaling policy."""
        return self._meter.stats()

    async def follow(self, revision: int) -> Report:
        """See `Follower.follow`."""
        return await self._station.follower.follow(revision)

    async def follow_log(self) -> None:
        """See `Follower.follow_log`."""
        await self._station.follower.follow_log()

    async def prepare(self, name: str, editions: Sequence[Edition]) -> str:
        """See `Follower.prepare`."""
        return await self._station.follower.prepare(name, editions)

    async def abandon(self, name: str) -> None:
        """See `Follower.abandon`."""
        await self._station.follower.abandon(name)

    async def report(self) -> Report:
        """See `Follower.report`."""
        return self._station.follower.report()

    async def tell_statistics(self) -> tuple[ModelStatistics, ...]:
        """See `Station.statistics`."""
        return self._station.statistics()

    def check_health(self) -> None:
        """Ray Serve replaces the replica when this raises.

        Raises:
            BackendFailed: see `Graph.check_health`.
        """
        self._station.graph.check_health()


class NodeServer(Stationed):
    """Hosts the nodes that the plan gives to one deployment."""

    def __init__(self, blueprint: Blueprint, deployment: str) -> None:
        self._meter = Meter(quiet=True)
        self._station = open_station(blueprint, deployment, self._meter)
        self._station.begin()
        self._station.watch()
        self._meter.loaded()
        self._budget = Budget(blueprint.replica.max_inflight_bytes)

    async def infer(self, node: str, request: Request) -> Reply:
        """Answer as the hosted node `node` does."""
        if request.urgency != CALM:
            due = request.urgency.shifted(time.monotonic())
            request = replace(request, urgency=due)
        with self._budget.hold(node) as held:
            held.reach(size_bytes(request.inputs))
            return await self._station.infer(node, request)

    def record_routing_stats(self) -> dict[str, Any]:
        """Ray Serve asks twice a second and tells the routers of a pool."""
        return self._station.routing_stats()

    async def ready(self, nodes: Sequence[str] = ()) -> bool:
        """Whether this replica is well and these of its nodes would answer."""
        return self._station.answers(nodes)


def open_station(blueprint: Blueprint, deployment: str, meter: Meter) -> Station:
    """The station of this replica, with a slot for each CPU that Ray gave it.

    Calls to other deployments are counted by `meter`.
    """
    memory.keep()
    context = ray.get_runtime_context()
    resources = context.get_assigned_resources()  # type: ignore[no-untyped-call]
    cpus = resources.get("CPU", 1)
    slots = Slots(max(1, math.floor(cpus)), blueprint.replica.run_timeout_s)
    residency = open_residency(blueprint.pools.get(deployment), blueprint.store)
    graph = Graph(blueprint, deployment, slots, partial(_reach, meter), residency)
    if blueprint.shadows:
        graph.shown = ShadowGauges(serve.get_replica_context().app_name)
    place = Place(deployment, serve.get_replica_context().replica_id.unique_id)
    station = Station(blueprint, place, graph, open_board(blueprint), slots.count)
    if blueprint.pipelines:
        station.watcher = EnsembleCounters(serve.get_replica_context().app_name)
    return station


def open_board(blueprint: Blueprint) -> Board:
    """What is desired of this deploy."""
    application = serve.get_replica_context().app_name
    return Board(RayKeys(application), mark_of(blueprint))


async def answers(deployment: str, nodes: Sequence[str] = ()) -> bool:
    """Whether a replica of another deployment is well and would answer as these nodes."""
    answer = _handle(deployment).ready.remote(list(nodes))
    try:
        return bool(await asyncio.wait_for(answer, READY_WITHIN_S))
    except (RayError, DeploymentUnavailableError, asyncio.TimeoutError):
        return False


def _reach(meter: Meter, deployment: str, node: str) -> Node:
    return Metered(RemoteNode(_handle(deployment), node), meter, deployment)


def _handle(deployment: str) -> "DeploymentHandle[NodeServer]":
    application = serve.get_replica_context().app_name
    return serve.get_deployment_handle(deployment, application)


def _translated(error: Exception, node: str) -> ServingError:
    """Ray wraps what a replica raised; its own text holds a traceback and addresses."""
    cause = getattr(error, "cause", error)
    if isinstance(cause, ServingError):
        return cause
    if isinstance(error, BackPressureError):
        return Overloaded(node, 0, COME_BACK_S)
    if isinstance(error, RayActorError | DeploymentUnavailableError):
        return NotReady(node, COME_BACK_S)
    return BackendFailed(node, f"{type(cause).__name__}: {cause}")

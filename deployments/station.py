"""All that one replica hosts, and its part in control. Knows no Ray."""

import asyncio
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from typing import Any

from configs.model import ModelSpec
from deployments.blueprint import Blueprint
from deployments.control import Counts, ModelStatistics
from deployments.ensembles.growth import Growth, Nobody, Watcher
from deployments.ensembles.node import Ensemble
from deployments.errors import ServingError
from deployments.graph import Graph
from deployments.layout import model_name, model_of, step_name
from deployments.messages import Reply, Request
from deployments.nodes import Node
from deployments.prefetch.task import Prefetch
from deployments.repository.board import Board
from deployments.repository.follower import Changed, Follower
from deployments.repository.hosting import Hosting, Switch
from deployments.repository.reports import Place
from deployments.residency.seat import Standing
from deployments.routing.seen import told
from deployments.routing.work import Counted, Work, learn
from deployments.shadow.node import Shadowed
from deployments.statistics import Ledger, merge
from models.card import Card

WARM = ("READY", "LOADING")


class GraphSeats:
    """Implements `Seats` on a graph; counts go on when an edition leaves and comes back."""

    def __init__(self, graph: Graph) -> None:
        self._graph = graph
        self.ledgers: dict[str, Ledger] = {}
        self._left: tuple[ModelStatistics, ...] = ()

    def host(self, key: str, spec: ModelSpec, card: Card) -> Node:
        """See `Seats.host`."""
        node = self._graph.host(key, spec, card)
        ledger = self.ledgers.setdefault(key, Ledger())
        ledger.enter(spec.id, str(spec.version), self._graph.models[key].stats)
        return node

    async def dismiss(self, key: str) -> None:
        """See `Seats.dismiss`."""
        await self._graph.residency.unload(key)
        self._left = merge([self._left, self._accounts([key])])
        await self._graph.dismiss(key)
        self.ledgers[key].leave(*_seat_of(key))

    async def load(self, key: str) -> None:
        """See `Seats.load`."""
        await self._graph.residency.load(key)

    def states(self) -> Sequence[Standing]:
        """See `Seats.states`."""
        return self._graph.residency.states()

    def residency(self) -> tuple[ModelStatistics, ...]:
        """Loads, hits and misses of everything that lives or has lived here."""
        keys = [one.key for one in self.states()]
        return merge([self._left, self._accounts(keys)])

    def _accounts(self, keys: Collection[str]) -> tuple[ModelStatistics, ...]:
        return tuple(
            ModelStatistics(*_seat_of(one.key), residency=one.told())
            for one in self._graph.residency.accounts()
            if one.key in keys
        )


class Station:
    """The nodes of one replica, whose models follow what operators ask for."""

    def __init__(
        self,
        blueprint: Blueprint,
        place: Place,
        graph: Graph,
        board: Board,
        slots: int = 1,
    ) -> None:
        self._blueprint, self._place, self.graph = blueprint, place, graph
        self._slots = slots
        self._seats = GraphSeats(graph)
        self.hosting = Hosting(self._seats)
        self.follower = Follower(blueprint, place, self.hosting, board)
        self._work: dict[str, Work] = {}
        self._tasks: list[asyncio.Task[None]] = []
        self.watcher: Watcher = Nobody()

    def begin(self, changed: Changed | None = None) -> None:
        """Build the nodes and load what is to be loaded at start; blocks.

        `changed`: see `Follower.begin`.
        """
        for name in self._switches():
            self.graph.adopt(name, Switch(self.hosting, name))
        self.follower.begin(changed)
        self.graph.load()
        self.graph.residency.load_at_start(self.hosting.asked())

    def watch(self) -> None:
        """Follow, load ahead of requests, tell what ensembles count, from now on.

        Needs a running event loop.
        """
        self.follower.watch()
        loop = asyncio.get_running_loop()
        if not self.graph.residency.spec.loads_at_start:
            prefetch = Prefetch(self.graph.residency)
            self._tasks.append(loop.create_task(prefetch.run()))
        counted = {name: one.stats for name, one, _ in self._ensembles()}
        if counted:
            growth = Growth(counted, self.watcher)
            self._tasks.append(loop.create_task(growth.run()))

    def node(self, name: str) -> Node:
        """The node that answers under `name`, here or elsewhere."""
        if model_of(name) is None or not self._is_home(name):
            return self.graph.node(name)
        return Switch(self.hosting, name)

    async def infer(self, name: str, request: Request) -> Reply:
        """Answer as the hosted node `name` does."""
        if model_of(name) is None:
            return await self.graph.node(name).infer(request)
        return await self.hosting.infer(name, request)

    def answers(self, nodes: Iterable[str]) -> bool:
        """Whether this replica is well and these of its nodes would answer."""
        if not self.graph.healthy:
            return False
        models = [node for node in nodes if model_of(node) is not None]
        try:
            keys = {self.hosting.key(node) for node in models}
        except ServingError:
            return False
        return all(one.answers for one in self._seats.states() if one.key in keys)

    def statistics(self) -> tuple[ModelStatistics, ...]:
        """What its models have done, those that have left too."""
        names = self.hosting.keys()
        held = {one.key: one for one in self._seats.states()}
        found = []
        for key, ledger in self._seats.ledgers.items():
            memory = {}
            if key in held and key in names:
                one = held[key]
                kinds = {"CPU": one.resident_bytes, "GPU": one.device_bytes}
                memory = {names[key]: {k: v for k, v in kinds.items() if v}}
            found.append(ledger.statistics(memory))
        return merge([*found, self._of_ensembles(), self._seats.residency()])

    def _of_ensembles(self) -> tuple[ModelStatistics, ...]:
        """What the ensembles that this replica hosts have counted."""
        found = []
        for name, ensemble, shadow in self._ensembles():
            version = str(self._blueprint.pipelines[name].version)
            counted = {**ensemble.stats.told(), **shadow}
            found.append(ModelStatistics(name, version, ensemble=counted))
        return tuple(found)

    def _ensembles(self) -> Iterator[tuple[str, Ensemble, Counts]]:
        """The ensembles hosted here by pipeline, with what shadows of each counted."""
        for name in self._blueprint.pipelines:
            node = step_name(name, "ensemble")
            if not self._is_home(node):
                continue
            ensemble, shadow = self.graph.node(node), dict[str, Counts]()
            if isinstance(ensemble, Shadowed):
                shadow["shadow"] = ensemble.told()
                ensemble = ensemble.node
            if isinstance(ensemble, Ensemble):
                yield name, ensemble, shadow

    def routing_stats(
        self, clock: Callable[[], float] = time.monotonic
    ) -> dict[str, Any]:
        """What callers must know to choose among replicas, see `routing.seen`."""
        now_s = clock()
        warm = {one.key for one in self._seats.states() if one.state in WARM}
        for account in self.graph.residency.accounts():
            stats = self.graph.models[account.key].stats
            counted = Counted(account.uses, stats.items, stats.run_s)
            before = self._work.get(account.key)
            self._work[account.key] = learn(before, counted, now_s)
        led = self.hosting.led().items()
        busy = {node: self._work[key].slots for node, key in led if key in warm}
        return told(self._slots, busy)

    def _switches(self) -> list[str]:
        pipelines = self._blueprint.pipelines.values()
        members = [m.seat for p in pipelines for m in p.ensemble.members]
        names = dict.fromkeys([*self._blueprint.wishes, *members])
        return [n for n in map(model_name, names) if self._is_home(n)]

    def _is_home(self, name: str) -> bool:
        return self._blueprint.plan.home(name) == self._place.deployment


def _seat_of(key: str) -> tuple[str, str]:
    """Name and version of an edition, by its key."""
    name, _, version = key.partition("#")[0].partition(":")
    return name, version

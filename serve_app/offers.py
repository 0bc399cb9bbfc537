"""What an ingress replica offers: contracts in front of nodes, here or elsewhere."""

from collections.abc import Awaitable, Callable, Mapping, Sequence

from deployments.autoscaling.live.meter import Meter, Metered, Named
from deployments.blueprint import Blueprint
from deployments.contracts import edition_contract, pipeline_contract
from deployments.editions import DEFAULT, Wish
from deployments.layout import INGRESS, STEPS, model_name, step_name, version_name
from deployments.messages import Contract
from deployments.nodes import Node
from deployments.repository.desired import Desired
from deployments.served import Offer, Readiness, Served
from deployments.station import Station
from deployments.statistics import Ledger, Tallied, Tally

Answers = Callable[[str, Sequence[str]], Awaitable[bool]]
"""(deployment, nodes) → whether a replica of it is well and would answer as they do."""


class Front:
    """Keeps a `Served` as operators wish it."""

    def __init__(
        self, blueprint: Blueprint, station: Station, meter: Meter, answers: Answers
    ) -> None:
        self._blueprint, self._station, self._meter = blueprint, station, meter
        self._answers, self.ledger = answers, Ledger()
        everything = dict.fromkeys(blueprint.plan.deployments(), ())
        self.served = Served(whole=self._ready(everything))
        self._nodes: dict[str, Node] = {}
        self._contracts: dict[str, Contract] = {}

    def follow(self, wishes: Mapping[str, Wish], desired: Desired) -> None:
        """Serve this from the next request on; see `follower.Changed`."""
        offers: dict[str, Mapping[str, Offer]] = {
            name: self._pipeline(name)
            for name in self._blueprint.pipelines
            if name not in desired.withdrawn
        }
        gone = {*desired.withdrawn}
        for name, wish in wishes.items():
            if wish.presence == "unloaded":
                gone.add(name)
            else:
                offers[name] = self._model(wish)
        self.served.switch(offers, gone)

    def _pipeline(self, name: str) -> Mapping[str, Offer]:
        spec = self._blueprint.pipelines[name]
        contract = self._contracts.get(name)
        if contract is None:
            contract = self._contracts[name] = pipeline_contract(self._blueprint, name)
        nodes = [step_name(name, step) for step in STEPS]
        nodes += [model_name(member.seat) for member in spec.ensemble.members]
        ready = self._ready(self._homes(nodes))
        offer = Offer(contract, self._pipeline_node(name), ready)
        return {DEFAULT: offer, contract.version: offer}

    def _pipeline_node(self, name: str) -> Node:
        if name not in self._nodes:
            tally = Tally()
            version = str(self._blueprint.pipelines[name].version)
            self.ledger.enter(name, version, tally.stats)
            counted = self._counted(self._station.graph.pipeline(name), name)
            self._nodes[name] = Tallied(counted, tally)
        return self._nodes[name]

    def _model(self, wish: Wish) -> Mapping[str, Offer]:
        offers = {}
        for word, version in wish.words.items():
            edition = wish.version(version)
            node = version_name(wish.name, word)
            contract = self._contracts.get(edition.key)
            if contract is None:
                contract = edition_contract(self._blueprint.store, edition)
                self._contracts[edition.key] = contract
            ready = self._ready(self._homes([node]))
            offers[word] = Offer(contract, self._model_node(wish.name, node), ready)
        return offers

    def _model_node(self, model: str, name: str) -> Node:
        if name not in self._nodes:
            self._nodes[name] = self._counted(self._station.node(name), model)
        return self._nodes[name]

    def _counted(self, node: Node, name: str) -> Node:
        return Named(Metered(node, self._meter, INGRESS), self._meter, name)

    def _homes(self, nodes: Sequence[str]) -> dict[str, tuple[str, ...]]:
        """The deployments of some nodes, and which of them each one hosts."""
        homes: dict[str, tuple[str, ...]] = {}
        for node in nodes:
            home = self._blueprint.plan.home(node)
            if home is not None:
                homes[home] = (*homes.get(home, ()), node)
        return homes

    def _ready(self, homes: Mapping[str, Sequence[str]]) -> Readiness:
        async def ready() -> bool:
            if not self._station.answers(homes.get(INGRESS, ())):
                return False
            for deployment, nodes in homes.items():
                if deployment != INGRESS and not await self._answers(deployment, nodes):
                    return False
            return True

        return ready

"""The deployment behind both ports: HTTP and gRPC over one `Service`."""

from collections.abc import Sequence
from dataclasses import replace

from starlette.types import ASGIApp

from deployments.autoscaling.live.meter import Meter, Metered, Named
from deployments.blueprint import Blueprint, model_contract, pipeline_contract
from deployments.graph import Graph
from deployments.layout import INGRESS, STEPS, model_name, step_name
from deployments.nodes import Node
from deployments.remote import answers, open_graph
from deployments.served import Offer, Served
from serve_app.http import build_http
from serve_app.limits import Limits
from serve_app.oip.grpc import GrpcFront


class Ingress(GrpcFront):
    """Answers on every ingress replica; hosts the nodes that the layout leaves to it."""

    def __init__(
        self, blueprint: Blueprint, limits: Limits, beside: Sequence[object]
    ) -> None:
        """Load the local nodes.

        Args:
            blueprint: what to serve.
            limits: what the gate lets in.
            beside: the other deployments; held so that Ray deploys them.
        """
        self._meter = Meter()
        self._graph = open_graph(blueprint, INGRESS, self._meter)
        self._graph.load()
        self._beside = beside
        super().__init__(Served(_offers(blueprint, self._graph, self._meter)), limits)
        self._meter.loaded()

    def __serve_build_asgi_app__(self) -> ASGIApp:
        """Ray Serve asks for the HTTP side once the replica is built."""
        return build_http(self.service, self.limits)

    def record_autoscaling_stats(self) -> dict[str, float]:
        """Ray Serve asks every second and tells the autoscaling policy."""
        return self._meter.stats()

    def check_health(self) -> None:
        """Ray Serve replaces the replica when this raises.

        Raises:
            BackendFailed: see `Graph.check_health`.
        """
        self._graph.check_health()


class _NodesReady:
    """Whether every deployment that hosts one of some nodes can answer."""

    def __init__(
        self, blueprint: Blueprint, graph: Graph, nodes: Sequence[str]
    ) -> None:
        homes = {blueprint.plan.homes[node] for node in nodes}
        self._graph, self._others = graph, sorted(homes - {INGRESS})

    async def __call__(self) -> bool:
        if not self._graph.healthy:
            return False
        for deployment in self._others:
            if not await answers(deployment):
                return False
        return True


def _offers(blueprint: Blueprint, graph: Graph, meter: Meter) -> list[Offer]:
    offers = [
        *(_pipeline_offer(blueprint, graph, name) for name in blueprint.pipelines),
        *(_model_offer(blueprint, graph, name) for name in blueprint.models),
    ]
    return [replace(offer, node=_counted(offer, meter)) for offer in offers]


def _counted(offer: Offer, meter: Meter) -> Node:
    return Named(Metered(offer.node, meter, INGRESS), meter, offer.contract.name)


def _pipeline_offer(blueprint: Blueprint, graph: Graph, name: str) -> Offer:
    members = blueprint.pipelines[name].ensemble.members
    nodes = [step_name(name, step) for step in STEPS]
    nodes += [model_name(member.model) for member in members]
    return Offer(
        pipeline_contract(blueprint, name),
        graph.pipeline(name),
        _NodesReady(blueprint, graph, nodes),
    )


def _model_offer(blueprint: Blueprint, graph: Graph, name: str) -> Offer:
    node = model_name(name)
    return Offer(
        model_contract(blueprint, name),
        graph.node(node),
        _NodesReady(blueprint, graph, [node]),
    )

"""Every deployment of a plan in this process, for tests without Ray."""

from deployments.blueprint import Blueprint
from deployments.graph import Graph
from deployments.layout import INGRESS
from deployments.nodes import Node
from deployments.slots import Slots


def open_graphs(blueprint: Blueprint) -> dict[str, Graph]:
    """The loaded graph of each deployment; a node is reached directly."""
    graphs: dict[str, Graph] = {}

    def reach(deployment: str, node: str) -> Node:
        return graphs[deployment].node(node)

    for deployment in (INGRESS, *blueprint.plan.deployments()):
        graphs[deployment] = Graph(blueprint, deployment, Slots(1), reach)
    for graph in graphs.values():
        graph.load()
    return graphs

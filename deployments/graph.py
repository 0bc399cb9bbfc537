"""Builds the nodes that one deployment hosts, from a blueprint.

A node asks for its neighbours by name and gets either an object on this replica or one
that calls another deployment; it cannot tell which. Knows no Ray: the caller says how
far nodes are reached.
"""

from collections.abc import Callable, Mapping

import numpy as np

from configs.pipeline import ImagePreprocessSpec, PipelineSpec, TopKPostprocessSpec
from deployments.backends.onnx import OnnxBackend
from deployments.blueprint import Blueprint, read_labels
from deployments.errors import BackendFailed
from deployments.layout import STEPS, model_name, step_name
from deployments.messages import DTYPES
from deployments.model import Model
from deployments.nodes import (
    ImagePreprocess,
    Member,
    Node,
    Pipeline,
    SoftVoteEnsemble,
    TensorPostprocess,
    TensorPreprocess,
    TopKPostprocess,
    crop_name,
)
from deployments.slots import Slots
from models.card import Card
from models.store import Store

Reach = Callable[[str, str], Node]
"""(deployment, node name) → a node that calls it there."""


class Graph:
    """The nodes of one deployment's replica; each is built once, when first asked for."""

    def __init__(
        self, blueprint: Blueprint, deployment: str, slots: Slots, reach: Reach
    ) -> None:
        self._blueprint, self._deployment = blueprint, deployment
        self._slots, self._reach = slots, reach
        self._nodes: dict[str, Node] = {}
        self._queues: list[Model | ImagePreprocess] = []
        self.models: dict[str, Model] = {}

    def load(self) -> None:
        """Build every node hosted here, so that the first request finds them warm."""
        for name in self._blueprint.plan.nodes(self._deployment):
            self.node(name)

    def node(self, name: str) -> Node:
        """The node of that name, wherever it runs."""
        if name not in self._nodes:
            home = self._blueprint.plan.homes[name]
            if home == self._deployment:
                self._nodes[name] = self._build(name)
            else:
                self._nodes[name] = self._reach(home, name)
        return self._nodes[name]

    def pipeline(self, name: str) -> Node:
        """A whole pipeline, as the caller of its steps."""
        steps = [self.node(step_name(name, step)) for step in STEPS]
        slo_ms = self._blueprint.pipelines[name].slo_ms
        return Pipeline(steps, None if slo_ms is None else slo_ms / 1e3)

    @property
    def healthy(self) -> bool:
        """Whether requests still leave every queue here, and every run ends."""
        return self._illness() is None

    def check_health(self) -> None:
        """Ray Serve replaces the replica when this raises.

        Raises:
            BackendFailed: a queue no longer moves, or a run does not end.
        """
        illness = self._illness()
        if illness is not None:
            raise BackendFailed("replica", illness)

    async def close(self) -> None:
        """Refuse what waits, let what runs end."""
        for node in self._queues:
            await node.close()

    def _illness(self) -> str | None:
        if self._slots.overdue:
            return f"a run takes longer than {self._slots.run_timeout_s:g} s"
        if not all(node.healthy for node in self._queues):
            return "a batcher has stopped"
        return None

    def _build(self, name: str) -> Node:
        owner, part = name.split(":", 1)
        if owner == "model":
            return self._build_model(part)
        spec = self._blueprint.pipelines[owner]
        builders: Mapping[str, Callable[[PipelineSpec], Node]] = {
            "preprocess": self._build_preprocess,
            "ensemble": self._build_ensemble,
            "postprocess": self._build_postprocess,
        }
        return builders[part](spec)

    def _build_model(self, name: str) -> Node:
        spec, card = self._blueprint.models[name], self._blueprint.cards[name]
        backend = OnnxBackend(Store(self._blueprint.store).file(card.model_file))
        backend.run(_one_row(card))  # the first run of a session is slow; do it now
        node = Model(name, backend, spec.batching, self._slots, spec.image)
        node.tell(_card_runs(card), any(-1 in t.shape for t in spec.inputs))
        self._queues.append(node)
        self.models[name] = node
        return node

    def _build_preprocess(self, spec: PipelineSpec) -> Node:
        if not isinstance(spec.preprocess, ImagePreprocessSpec):
            return TensorPreprocess()
        members = [self._blueprint.models[m.model] for m in spec.ensemble.members]
        images = [member.image for member in members if member.image is not None]
        node = ImagePreprocess(spec.id, images, spec.preprocess, self._slots)
        self._queues.append(node)
        return node

    def _build_ensemble(self, spec: PipelineSpec) -> Node:
        weights = self._blueprint.weights[spec.id]
        return SoftVoteEnsemble(
            [
                self._member(member.model, weight)
                for member, weight in zip(spec.ensemble.members, weights, strict=True)
            ]
        )

    def _member(self, model: str, weight: float) -> Member:
        spec = self._blueprint.models[model]
        feed = {tensor.name: tensor.name for tensor in spec.inputs}
        if spec.image is not None:
            feed = {spec.inputs[0].name: crop_name(spec.image)}
        return Member(
            model,
            self.node(model_name(model)),
            weight,
            feed,
            spec.outputs[0].name,
        )

    def _build_postprocess(self, spec: PipelineSpec) -> Node:
        if not isinstance(spec.postprocess, TopKPostprocessSpec):
            return TensorPostprocess()
        labels = read_labels(self._blueprint, spec.ensemble.members[0].model)
        return TopKPostprocess(spec.id, spec.postprocess.k, labels)


def _card_runs(card: Card) -> dict[int, float]:
    """Seconds of a run by rows, as measured on one thread, as a slot has."""
    return {f.batch_size: f.p50_ms / 1e3 for f in card.latency if f.threads == 1}


def _one_row(card: Card) -> dict[str, np.ndarray]:
    """A request of one row of zeros; dimensions that vary are 1."""
    return {
        tensor.name: np.zeros(
            [1, *(abs(d) for d in tensor.shape)], DTYPES[tensor.datatype]
        )
        for tensor in card.inputs
    }

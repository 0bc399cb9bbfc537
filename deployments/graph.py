"""Builds the nodes that one deployment hosts, from a blueprint.

A node asks for its neighbours by name and gets either an object on this replica or one
that calls another deployment; it cannot tell which. Knows no Ray: the caller says how
far nodes are reached.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import partial

from configs.model import ModelSpec
from configs.pipeline import (
    ImagePreprocessSpec,
    MemberSpec,
    PipelineSpec,
    TopKPostprocessSpec,
)
from deployments.blueprint import Blueprint, read_labels
from deployments.ensembles.member import Member
from deployments.ensembles.opening import open_ensemble
from deployments.errors import BackendFailed, ModelNotFound
from deployments.layout import STEPS, model_name, step_name
from deployments.model import Model, ResidentModel
from deployments.nodes import (
    ImagePreprocess,
    Node,
    Pipeline,
    TensorPostprocess,
    TensorPreprocess,
    TopKPostprocess,
    crop_name,
)
from deployments.padding import filled_up
from deployments.residency.residency import Residency
from deployments.residency.seat import Tenant, key_of
from deployments.residency.warming import open_warm
from deployments.slots import Slots
from models.card import Card
from models.store import Store

Reach = Callable[[str, str], Node]
"""(deployment, node name) → a node that calls it there."""


class Graph:
    """The nodes of one deployment's replica; each is built once, when first asked for."""

    def __init__(
        self,
        blueprint: Blueprint,
        deployment: str,
        slots: Slots,
        reach: Reach,
        residency: Residency | None = None,
    ) -> None:
        self._blueprint, self._deployment = blueprint, deployment
        self._slots, self._reach = slots, reach
        self._device = blueprint.replica.device
        self._nodes: dict[str, Node] = {}
        self._queues: list[ImagePreprocess] = []
        self._store = Store(blueprint.store)  # one: it remembers what it has verified
        self.residency = residency or Residency()
        self.models: dict[str, Model] = {}

    def load(self) -> None:
        """Build every node hosted here and load what its models say; blocks."""
        for name in self._blueprint.plan.nodes(self._deployment):
            self.node(name)
        self.residency.load_at_start()

    def host(self, key: str, spec: ModelSpec, card: Card) -> Node:
        """Offer one version of a model under a key of its own; loads nothing.

        Raises:
            ValueError: the key is taken.
        """
        model = Model(spec.id, None, spec.batching, self._slots, spec.image)
        model.tell(_card_runs(card), any(-1 in t.shape for t in spec.inputs))
        seat = self.residency.offer(
            Tenant(
                key=key,
                name=spec.id,
                digest=card.model_file.sha256,
                size_bytes=sum(f.size_bytes for f in card.stored().values()),
                open=partial(
                    open_warm, card, self._store, spec.batching, device=self._device
                ),
                host=model,
            )
        )
        self.models[key] = model
        return filled_up(ResidentModel(model, seat, self.residency), spec)

    async def dismiss(self, key: str) -> None:
        """Unload a hosted version when its requests are answered, and forget it."""
        await self.residency.withdraw(key)
        model = self.models.pop(key, None)
        if model is not None:
            await model.close()

    def adopt(self, name: str, node: Node) -> None:
        """Answer as `node` under `name`, instead of building one."""
        self._nodes[name] = node

    def node(self, name: str) -> Node:
        """The node of that name, wherever it runs."""
        if name not in self._nodes:
            home = self._blueprint.plan.home(name)
            if home is None:
                raise ModelNotFound(name)
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
        await self.residency.close()
        for node in self._with_queues():
            await node.close()

    def _illness(self) -> str | None:
        if self._slots.overdue:
            self.residency.accuse(self._slots.run_timeout_s)
            return f"a run takes longer than {self._slots.run_timeout_s:g} s"
        if not all(node.healthy for node in self._with_queues()):
            return "a batcher has stopped"
        return self.residency.illness

    def _with_queues(self) -> Sequence[Model | ImagePreprocess]:
        return [*self._queues, *self.models.values()]

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
        return self.host(key_of(name, spec.version), spec, card)

    def _build_preprocess(self, spec: PipelineSpec) -> Node:
        if not isinstance(spec.preprocess, ImagePreprocessSpec):
            return TensorPreprocess()
        members = [self._blueprint.models[m.model] for m in spec.ensemble.members]
        images = [member.image for member in members if member.image is not None]
        node = ImagePreprocess(spec.id, images, spec.preprocess, self._slots)
        self._queues.append(node)
        return node

    def _build_ensemble(self, spec: PipelineSpec) -> Node:
        terms = self._blueprint.terms[spec.id]
        shares = zip(terms.weights, terms.temperatures, strict=True)
        members = [
            self._member(member, *share)
            for member, share in zip(spec.ensemble.members, shares, strict=True)
        ]
        lanes = {self._deployment: self._slots.count}
        return open_ensemble(spec, terms, members, lanes)

    def _member(self, said: MemberSpec, weight: float, temperature: float) -> Member:
        spec, name = self._blueprint.models[said.seat], model_name(said.seat)
        feed = {tensor.name: tensor.name for tensor in spec.inputs}
        if spec.image is not None:
            feed = {spec.inputs[0].name: crop_name(spec.image)}
        return Member(
            said.model,
            self.node(name),
            weight,
            feed,
            spec.outputs[0].name,
            temperature,
            said.fallback,
            _card_runs(self._blueprint.cards[said.seat]),
            spec.batching.max_queue_size,
            self._blueprint.plan.home(name) or "",
            said.seat,
        )

    def _build_postprocess(self, spec: PipelineSpec) -> Node:
        if not isinstance(spec.postprocess, TopKPostprocessSpec):
            return TensorPostprocess()
        labels = read_labels(self._blueprint, spec.ensemble.members[0].model)
        return TopKPostprocess(spec.id, spec.postprocess.k, labels)


def _card_runs(card: Card) -> dict[int, float]:
    """Seconds of a run by rows, as measured on one thread, as a slot has."""
    return {f.batch_size: f.p50_ms / 1e3 for f in card.latency if f.threads == 1}

"""Builds the nodes that one deployment hosts, from a blueprint.

A node asks for its neighbours by name and gets either an object on this replica or one
that calls another deployment; it cannot tell which. Knows no Ray: the caller says how
far nodes are reached.
"""

import hashlib
import logging
from collections.abc import Callable, Mapping, Sequence
from functools import partial

from configs.model import ModelSpec
from configs.pipeline import (
    CascadeSpec,
    ImagePreprocessSpec,
    MemberSpec,
    PipelineSpec,
    TopKPostprocessSpec,
)
from deployments.backends.preference import (
    CUDA,
    ONNX,
    OPENVINO,
    Site,
    find_here,
    pick,
    prior_s,
    run_s,
)
from deployments.blueprint import Blueprint, read_labels
from deployments.ensembles.member import Member
from deployments.ensembles.opening import open_ensemble
from deployments.errors import BackendFailed, ModelNotFound
from deployments.keeping import Later, Room
from deployments.layout import INGRESS, STEPS, model_name, step_name
from deployments.model import Model, ResidentModel
from deployments.nodes import (
    Node,
    Pipeline,
    TensorPostprocess,
    TensorPreprocess,
    TopKPostprocess,
)
from deployments.padding import filled_up
from deployments.photos import ImagePreprocess, crop_name
from deployments.residency.residency import Residency
from deployments.residency.seat import Tenant, key_of
from deployments.residency.timing import Opening, open_timed
from deployments.residency.warming import open_warm, warm_batches, warm_sizes
from deployments.shadow.node import Shadow, Shadowed, Shown, Unseen
from deployments.shadow.opening import open_shadows
from deployments.slots import Slots
from models.card import Card
from models.store import Store

log = logging.getLogger(__name__)

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
        self._here = find_here()
        self._nodes: dict[str, Node] = {}
        self._queues: list[ImagePreprocess] = []
        self._room = Room()
        self._shadows: list[Shadow] = []
        self.shown: Shown = Unseen()
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
        site = self._site(spec)
        chosen = pick(card, site, self._here)
        if chosen.note:
            log.info("%s runs on %s: %s", key, chosen.runtime, chosen.note)
        model = Model(spec.id, None, spec.batching, self._slots, spec.front_end)
        runs = prior_s(card, chosen.runtime)
        model.tell(runs, any(-1 in t.shape for t in spec.inputs), card.outputs)
        seat = self.residency.offer(
            Tenant(
                key=key,
                name=spec.id,
                digest=_mark(card, chosen.runtime),
                size_bytes=sum(f.size_bytes for f in card.stored().values()),
                open=self._opening(model, spec, card),
                host=model,
                runtime=chosen.runtime,
                peak_bytes=_peak_bytes(card, chosen.runtime),
            )
        )
        self.models[key] = model
        return filled_up(ResidentModel(model, seat, self.residency), spec)

    def _opening(self, model: Model, spec: ModelSpec, card: Card) -> Opening:
        """Opens a model's backend; on CUDA, which its card has no times of, it is timed."""
        site = self._site(spec)
        opening = partial(open_warm, card, self._store, spec.batching, site=site)
        if pick(card, site, self._here).runtime != CUDA:
            return opening
        sizes = warm_sizes(spec.batching)
        batches = partial(warm_batches, card, self._store, sizes)
        return partial(open_timed, opening, batches, model)

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
        for node in (*self._with_queues(), *self._shadows):
            await node.close()

    def _site(self, spec: ModelSpec) -> Site:
        device = self._blueprint.replica.device
        return Site(device, self._slots.count, spec.backend)

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
        members = [self._blueprint.models[m.seat] for m in spec.ensemble.members]
        images = [member.image for member in members if member.image is not None]
        later = Later(self._later(spec), self._room)
        node = ImagePreprocess(spec.id, images, spec.preprocess, self._slots, later)
        self._queues.append(node)
        return node

    def _later(self, spec: PipelineSpec) -> frozenset[str]:
        """The crops of members that many requests do without.

        Where the pipeline, its preprocessing and its ensemble share a replica: what was
        not made cannot be sent.
        """
        homes = {self._blueprint.plan.home(step_name(spec.id, s)) for s in STEPS[:2]}
        if homes != {INGRESS}:
            return frozenset()
        terms, members = self._blueprint.terms[spec.id], spec.ensemble.members
        first = [n for n, member in enumerate(members) if not member.fallback]
        if isinstance(spec.ensemble, CascadeSpec):
            first = [terms.order[0]]
        crops = [self._crop_of(member) for member in members]
        return frozenset(crops) - {crops[n] for n in first}

    def _crop_of(self, member: MemberSpec) -> str:
        image = self._blueprint.models[member.seat].image
        return "" if image is None else crop_name(image)

    def _build_ensemble(self, spec: PipelineSpec) -> Node:
        terms = self._blueprint.terms[spec.id]
        shares = zip(terms.weights, terms.temperatures, strict=True)
        members = [
            self._member(member, *share)
            for member, share in zip(spec.ensemble.members, shares, strict=True)
        ]
        lanes = {self._deployment: self._slots.count}
        ensemble = open_ensemble(spec, terms, members, lanes)
        shadows = tuple(open_shadows(self._blueprint, spec.id, self.shown))
        self._shadows += shadows
        return Shadowed(ensemble, shadows) if shadows else ensemble

    def _member(self, said: MemberSpec, weight: float, temperature: float) -> Member:
        spec, name = self._blueprint.models[said.seat], model_name(said.seat)
        card = self._blueprint.cards[said.seat]
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
            run_s(card, pick(card, self._site(spec), self._here).runtime),
            spec.batching.max_queue_size,
            self._blueprint.plan.home(name) or "",
            said.seat,
        )

    def _build_postprocess(self, spec: PipelineSpec) -> Node:
        if not isinstance(spec.postprocess, TopKPostprocessSpec):
            return TensorPostprocess()
        labels = read_labels(self._blueprint, spec.ensemble.members[0].model)
        return TopKPostprocess(spec.id, spec.postprocess.k, labels)


def _peak_bytes(card: Card, runtime: str) -> int | None:
    """The peak that its card has measured, on the form's own runtime; tells, not admits."""
    if card.measured is None or runtime not in (ONNX, "litert"):
        return None
    return card.measured.peak_memory_bytes


def _mark(card: Card, runtime: str) -> str:
    """What crashes and sizes are remembered by: a file takes another room elsewhere."""
    sha256 = card.model_file.sha256
    if runtime != OPENVINO:
        return sha256
    return hashlib.sha256(f"{sha256} {runtime}".encode()).hexdigest()

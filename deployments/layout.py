"""Which deployment hosts which node. Pure; `serve_app.app` obeys.

Node names: `model:ID` for a model, `model:ID:WORD` for one of its versions,
`PIPELINE:preprocess`, `PIPELINE:ensemble` and `PIPELINE:postprocess` for the steps of a
pipeline. A deployment of one node has the node's name; what no spec moves elsewhere is
hosted by the ingress. A pool is a deployment that hosts models, wherever layouts want them.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from configs.catalogue import Catalogue
from configs.errors import ConfigError
from configs.pipeline import Layout, PipelineSpec

INGRESS = "ingress"
MODEL = "model"
STEPS = ("preprocess", "ensemble", "postprocess")


@dataclass(frozen=True, slots=True)
class Plan:
    """Node name → the name of the deployment that hosts it.

    `stray`: the pool that takes models which come later; None: there is none.
    """

    homes: Mapping[str, str]
    pools: tuple[str, ...] = ()
    stray: str | None = None

    def home(self, node: str) -> str | None:
        """The deployment that hosts a node, whatever its version; None: nobody would."""
        model = model_of(node)
        if model is None:
            return self.homes.get(node)
        return self.homes.get(model_name(model), self.stray)

    def deployments(self) -> tuple[str, ...]:
        """Every deployment beside the ingress, in a stable order."""
        return tuple(sorted({*self.homes.values(), *self.pools} - {INGRESS}))

    def nodes(self, deployment: str) -> tuple[str, ...]:
        """The nodes that one deployment hosts."""
        return tuple(node for node, home in self.homes.items() if home == deployment)


def step_name(pipeline: str, step: str) -> str:
    """The node name of a pipeline's step."""
    return f"{pipeline}:{step}"


def model_name(model: str) -> str:
    """The node name of a model, of its default version."""
    return f"{MODEL}:{model}"


def version_name(model: str, word: str) -> str:
    """The node name of the version of a model that `word` stands for."""
    return f"{MODEL}:{model}:{word}" if word else model_name(model)


def model_of(node: str) -> str | None:
    """The model that a node runs; None: it is a step of a pipeline."""
    kind, _, rest = node.partition(":")
    return rest.partition(":")[0] if kind == MODEL else None


def plan_layout(
    catalogue: Catalogue,
    pipelines: Sequence[str],
    models: Sequence[str],
    override: Layout | None = None,
) -> Plan:
    """Give every node of `pipelines`, and every one of `models`, its deployment.

    Args:
        catalogue: where the Specs are.
        pipelines: the ids to serve.
        models: further models to serve by their own name.
        override: replaces the `layout` of every pipeline.

    Raises:
        ConfigError: a layout names an unknown node, or two pipelines place one model
            differently.
    """
    homes = {model_name(model): INGRESS for model in models}
    placed: dict[str, str] = {}
    for name in pipelines:
        spec = catalogue.pipelines[name]
        for node, home in _homes(catalogue.root, spec, override):
            if placed.setdefault(node, home) != home:
                raise ConfigError(
                    _file(catalogue.root, spec),
                    "layout",
                    f"puts {node} on {home!r}, another pipeline on {placed[node]!r}",
                )
    return Plan(homes | placed)


def with_pools(
    plan: Plan, pools: Mapping[str, Sequence[str]], stray: str | None = None
) -> Plan:
    """Move the models of every pool there.

    Raises:
        ConfigError: a pool has the name of another deployment, or two want one model.
    """
    homes: dict[str, str] = {}
    for pool, models in pools.items():
        if pool in {INGRESS, *plan.homes.values()}:
            reason = "another deployment of this layout has that name"
            raise ConfigError(Path("args"), f"pools.{pool}", reason)
        for model in models:
            other = homes.setdefault(model_name(model), pool)
            if other != pool:
                reason = f"{model} lives in {other} already"
                raise ConfigError(Path("args"), f"pools.{pool}.models", reason)
    return Plan({**plan.homes, **homes}, tuple(pools), stray)


def _homes(
    root: Path, spec: PipelineSpec, override: Layout | None
) -> Iterator[tuple[str, str]]:
    nodes = {step: step_name(spec.id, step) for step in STEPS}
    for member in spec.ensemble.members:
        nodes[model_name(member.model)] = model_name(member.model)
    layout = override or spec.layout
    if layout == "separate":
        return iter([(node, node) for node in nodes.values()])
    if layout == "fused":
        return iter([(node, INGRESS) for node in nodes.values()])
    return _mapped(root, spec, nodes, layout)


def _mapped(
    root: Path,
    spec: PipelineSpec,
    nodes: Mapping[str, str],
    layout: Mapping[str, Sequence[str]],
) -> Iterator[tuple[str, str]]:
    homes = dict.fromkeys(nodes, INGRESS)
    for deployment, hosted in layout.items():
        for node in hosted:
            if node not in nodes:
                raise ConfigError(
                    _file(root, spec),
                    f"layout.{deployment}",
                    f"{node!r} is not a node of this pipeline: {sorted(nodes)}",
                )
            homes[node] = deployment
    return ((nodes[node], home) for node, home in homes.items())


def _file(root: Path, spec: PipelineSpec) -> Path:
    return root / "pipelines" / f"{spec.id}.yaml"

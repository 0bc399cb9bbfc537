"""The Spec of one pipeline: preprocess, ensemble, postprocess, and who shares a replica."""

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Discriminator, Field, Tag, model_validator

from configs.model import Id, TensorSpec, VariantName, Version
from configs.rules import RulesSpec
from configs.shadow import ShadowSpec
from configs.spec import Spec


class ImagePreprocessSpec(Spec):
    """Encoded photos (or ready UINT8 pixels) in, one UINT8 crop per member size out."""

    kind: Literal["image"]
    max_pixels: int = Field(
        40_000_000, ge=1, description="A larger image is refused before decoding."
    )
    max_queue_size: int = Field(
        256, ge=1, description="Photos that wait on one replica; more are refused."
    )


class TensorPreprocessSpec(Spec):
    """The pipeline's input goes to the members as it is."""

    kind: Literal["tensor"]


AUTO = "auto"
"""In place of a variant's name: the cheapest one that clears a bar."""

FITTABLE = ("weights", "temperatures", "thresholds", "values")

MAX_CHOICE = 8
"""Members whose every subset is weighed: 255 of them."""


class ChoiceBarSpec(Spec):
    """How good a variant must be to be chosen by `variant: auto`.

    A measured number is judged on its 95% interval. `inside` takes only a variant whose
    whole interval lies within the bar; `overlaps` also one that the photos cannot tell
    from it.
    """

    dataset: Id | None = Field(
        None, description="Judged on this one; none: on each that a card names."
    )
    max_drop_points: float = Field(1.0, ge=0, description="Top-1 points lost to FP32.")
    min_agreement: float | None = Field(
        None, ge=0, le=1, description="Share of photos with FP32's answer."
    )
    judged: Literal["inside", "overlaps"] = "inside"


class TargetSpec(Spec):
    """What is cheap on the machine that serves: p50 of one run, then size."""

    batch_size: int = Field(1, ge=1, description="Of the run; a card knows 1, 8, 32.")
    threads: int = Field(1, ge=1)
    max_latency_ms: float | None = Field(None, gt=0)
    max_size_bytes: int | None = Field(None, gt=0)


class MemberSpec(Spec):
    """One model of an ensemble, in the variant that its file says unless said here."""

    model: Id
    version: Version | None = Field(
        None, description="None: the one that requests get which name no version."
    )
    variant: VariantName | None = Field(
        None, description="A variant's name or `auto`; none: the model's own."
    )
    bar: ChoiceBarSpec | None = Field(None, description="For `auto`; none: defaults.")
    target: TargetSpec | None = Field(None, description="For `auto`; none: defaults.")
    fallback: bool = Field(False, description="Asked only when others fail.")

    @model_validator(mode="after")
    def _bar_is_for_auto(self) -> "MemberSpec":
        said = self.bar is not None or self.target is not None
        if said and self.variant != AUTO:
            raise ValueError("bar and target need variant: auto")
        return self

    @property
    def seat(self) -> str:
        """The name of the model's node: of its default version, or of the one named."""
        return self.model if self.version is None else f"{self.model}:{self.version}"


class EnsembleSpec(RulesSpec):
    """How members' logits become one distribution; what all strategies have in common.

    `weights` and `temperatures`: `fitted` takes what `headwater models fit` found on the
    dataset `fit_on`; or one number a member.
    """

    members: tuple[MemberSpec, ...] = Field(min_length=1)
    weights: Literal["fitted", "uniform"] | tuple[float, ...] = "uniform"
    temperatures: Literal["fitted", "none"] | tuple[float, ...] = Field(
        "none",
        description="Logits are divided by it; none: they are taken as they are.",
    )
    fit_on: Id | None = None

    @property
    def fits(self) -> tuple[str, ...]:
        """The keys whose values are fitted."""
        said = {name: getattr(self, name, None) for name in FITTABLE}
        return tuple(name for name, value in said.items() if value == "fitted")

    @model_validator(mode="after")
    def _numbers_fit_members(self) -> "EnsembleSpec":
        if self.fits and self.fit_on is None:
            raise ValueError(f"{self.fits[0]}: fitted needs fit_on, a dataset id")
        if isinstance(self.weights, tuple):
            if len(self.weights) != len(self.members):
                raise ValueError("weights must hold one number a member")
            if min(self.weights) < 0 or sum(self.weights) <= 0:
                raise ValueError("weights must be >= 0 and not all zero")
        if isinstance(self.temperatures, tuple):
            if len(self.temperatures) != len(self.members):
                raise ValueError("temperatures must hold one number a member")
            if min(self.temperatures) <= 0:
                raise ValueError("temperatures must be > 0")
        return self

    @model_validator(mode="after")
    def _rules_fit_members(self) -> "EnsembleSpec":
        first = sum(not member.fallback for member in self.members)
        if first == 0:
            raise ValueError("members must hold one that is no fallback")
        if self.quorum is not None and self.quorum.members > len(self.members):
            raise ValueError("quorum.members must be at most the number of members")
        if self.degrade is not None and self.degrade.min_members > first:
            reason = "must be at most the number of members that are no fallback"
            raise ValueError(f"degrade.min_members {reason}")
        return self


class SoftVoteSpec(EnsembleSpec):
    """The weighted mean of the members' probabilities."""

    strategy: Literal["soft_vote"] = "soft_vote"


class MajoritySpec(EnsembleSpec):
    """Each member votes for its first class; a tie goes to the larger mean probability."""

    strategy: Literal["majority"]


class CascadeSpec(EnsembleSpec):
    """One member after the other, for each row until it is sure.

    `thresholds`: how sure is enough after the first, the second, ... member; `fitted`
    keeps `max_drop_points` against the whole ensemble and, where said, `min_accuracy`.
    """

    strategy: Literal["cascade"]
    confidence: Literal["margin", "probability", "agreement"] = Field(
        "margin",
        description="Of the vote so far: first minus second class, first class, or the "
        "share of two members and more that agree.",
    )
    order: Literal["latency", "listed"] = Field(
        "latency", description="`latency`: the fastest by its card goes first."
    )
    thresholds: Literal["fitted"] | tuple[float, ...] = "fitted"
    max_drop_points: float = Field(0.5, gt=0, description="Top-1 points, on average.")
    min_accuracy: float | None = Field(None, gt=0, lt=1)

    @model_validator(mode="after")
    def _thresholds_fit_members(self) -> "CascadeSpec":
        stages = sum(not member.fallback for member in self.members) - 1
        if stages < 1:
            raise ValueError("a cascade needs two members that are no fallback")
        if isinstance(self.thresholds, tuple) and len(self.thresholds) != stages:
            raise ValueError("thresholds must hold one number a member but the last")
        return self


class BudgetSpec(EnsembleSpec):
    """The best members that can answer by the request's deadline; all when it has none.

    `values`: what a choice of members is worth; `weights`: the sum of their weights.
    """

    strategy: Literal["budget"]
    values: Literal["fitted", "weights"] = "weights"

    @model_validator(mode="after")
    def _choices_can_be_listed(self) -> "BudgetSpec":
        if len(self.members) > MAX_CHOICE:
            raise ValueError(f"a budget chooses among at most {MAX_CHOICE} members")
        return self


def _strategy(said: object) -> object:
    if isinstance(said, Mapping):
        return said.get("strategy", "soft_vote")
    return getattr(said, "strategy", None)


AnyEnsemble = Annotated[
    Annotated[SoftVoteSpec, Tag("soft_vote")]
    | Annotated[MajoritySpec, Tag("majority")]
    | Annotated[CascadeSpec, Tag("cascade")]
    | Annotated[BudgetSpec, Tag("budget")],
    Discriminator(
        _strategy,
        custom_error_type="unknown_strategy",
        custom_error_message="strategy must be soft_vote, majority, cascade or budget",
    ),
]


class TopKPostprocessSpec(Spec):
    """The k most probable classes: label BYTES, class_index INT64, probability FP32."""

    kind: Literal["top_k"]
    k: int = Field(5, ge=1, le=1000)


class TensorPostprocessSpec(Spec):
    """The whole distribution: probability FP32 [-1, classes]."""

    kind: Literal["tensor"]


Layout = Literal["fused", "separate"]


class PipelineSpec(Spec):
    """preprocess → ensemble → postprocess under one name.

    `layout` says which nodes share a replica. `fused`: all of them, with the ingress.
    `separate`: each in a deployment of its own. A mapping names deployments and the
    nodes each hosts (`preprocess`, `ensemble`, `postprocess`, `model:ID`); nodes it
    does not name stay with the ingress.
    """

    id: Id
    version: int = Field(1, ge=1)
    title: str
    inputs: tuple[TensorSpec, ...] = Field(min_length=1)
    preprocess: Annotated[
        ImagePreprocessSpec | TensorPreprocessSpec, Field(discriminator="kind")
    ]
    ensemble: AnyEnsemble
    postprocess: Annotated[
        TopKPostprocessSpec | TensorPostprocessSpec, Field(discriminator="kind")
    ]
    max_rows: int = Field(32, ge=1, description="Rows one request may hold.")
    slo_ms: float | None = Field(
        None, gt=0, description="A request is answered within that, or refused."
    )
    layout: Layout | dict[Id, tuple[str, ...]] = "fused"
    shadow: ShadowSpec | None = Field(
        None, description="Variants that are asked after the reply, for nobody."
    )

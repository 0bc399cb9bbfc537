"""The Spec of one pipeline: preprocess, ensemble, postprocess, and who shares a replica."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from configs.model import Id, TensorSpec, VariantName
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
    variant: VariantName | None = Field(
        None, description="A variant's name or `auto`; none: the model's own."
    )
    bar: ChoiceBarSpec | None = Field(None, description="For `auto`; none: defaults.")
    target: TargetSpec | None = Field(None, description="For `auto`; none: defaults.")

    @model_validator(mode="after")
    def _bar_is_for_auto(self) -> "MemberSpec":
        said = self.bar is not None or self.target is not None
        if said and self.variant != AUTO:
            raise ValueError("bar and target need variant: auto")
        return self


class EnsembleSpec(Spec):
    """How members' logits become one distribution.

    `weights`: `fitted` takes what `headwater models build` fitted on the dataset
    `fit_on`; `uniform`; or one number a member.
    """

    strategy: Literal["soft_vote"] = "soft_vote"
    members: tuple[MemberSpec, ...] = Field(min_length=1)
    weights: Literal["fitted", "uniform"] | tuple[float, ...] = "uniform"
    fit_on: Id | None = None

    @model_validator(mode="after")
    def _weights_fit_members(self) -> "EnsembleSpec":
        if self.weights == "fitted" and self.fit_on is None:
            raise ValueError("weights: fitted needs fit_on, a dataset id")
        if isinstance(self.weights, tuple):
            if len(self.weights) != len(self.members):
                raise ValueError("weights must hold one number a member")
            if min(self.weights) < 0 or sum(self.weights) <= 0:
                raise ValueError("weights must be >= 0 and not all zero")
        return self


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
    ensemble: EnsembleSpec
    postprocess: Annotated[
        TopKPostprocessSpec | TensorPostprocessSpec, Field(discriminator="kind")
    ]
    max_rows: int = Field(32, ge=1, description="Rows one request may hold.")
    slo_ms: float | None = Field(
        None, gt=0, description="A request is answered within that, or refused."
    )
    layout: Layout | dict[Id, tuple[str, ...]] = "fused"

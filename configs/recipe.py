"""The Spec of one recipe: source → steps → bar → variant. Its steps: `configs.steps`."""

import re
from typing import Literal

from pydantic import Field, model_validator

from configs.edge_search import SearchSpec
from configs.model import Artefact, Id, VariantName
from configs.spec import Spec
from configs.steps import AnyStep, ReferenceSpec

_TABLE = re.compile(r"\d+(:\d+)+(, *\d+(:\d+)+)*")
"""An architecture's `stages` or `blocks`: rows of whole numbers."""


class SourceSpec(Spec):
    """What the first step starts from; exactly one of the four."""

    model: Id | None = Field(
        None, description="A model's FP32 variant, and its weights where we know them."
    )
    architecture: Id | None = Field(
        None, description="A fresh network, for `train` and `distil`."
    )
    recipe: Id | None = Field(None, description="A piece of another recipe.")
    after: int | None = Field(
        None, ge=1, description="Of `recipe`: after which step; none: the last."
    )
    files: dict[str, Artefact] | None = Field(
        None, description="Pinned files by name: an LLM's folder or its GGUF."
    )

    @model_validator(mode="after")
    def _names_one(self) -> "SourceSpec":
        said = (self.model, self.architecture, self.recipe, self.files)
        if sum(one is not None for one in said) != 1:
            raise ValueError("name one of model, architecture, recipe and files")
        if self.after is not None and self.recipe is None:
            raise ValueError("after needs recipe")
        for name in self.files or ():
            if "/" in name or name.startswith("."):
                raise ValueError(f"files: {name!r} must be a plain file name")
        return self


class RecipeDataSpec(Spec):
    """Which datasets a recipe uses, and for what."""

    train: Id | None = None
    validation: Id | None = Field(
        None, description="For early stopping and search; none: see each step."
    )
    calibration: Id | None = None
    evaluation: tuple[Id, ...] = Field((), description="The bar is judged on these.")
    skip_broken: bool = Field(
        False, description="Leave out photos that cannot be read, and name them."
    )

    def names(self) -> tuple[Id, ...]:
        """Every dataset that is named, once."""
        named = (self.train, self.validation, self.calibration, *self.evaluation)
        return tuple(dict.fromkeys(name for name in named if name is not None))


MIN_AGREEMENT = 0.9
"""Of metric `agreement`, when the bar says no number."""


class BarSpec(Spec):
    """What a variant must reach to be stored.

    A measured number is judged on its 95% interval. `overlaps` refuses a variant whose
    whole interval lies beyond the bar (few photos refuse only what is broken); `inside`
    accepts only one whose whole interval lies within it.
    """

    metric: Literal["top1", "agreement", "perplexity"] = "top1"
    judged: Literal["overlaps", "inside"] = "overlaps"
    against: ReferenceSpec | None = Field(
        None, description="What it is compared with; none: the source."
    )
    max_drop_points: float = Field(1.0, ge=0, description="Top-1 points lost.")
    min_agreement: float | None = Field(
        None, ge=0, le=1, description="Share of photos with the reference's answer."
    )
    min_top1: float | None = Field(None, ge=0, le=1, description="Top-1 on its own.")
    min_top1_share: float | None = Field(
        None, ge=0, le=1, description="Top-1 as a share of the reference's."
    )
    max_perplexity_rise: float = Field(
        0.02, ge=0, description="Of metric perplexity: 0.02 is 2%."
    )
    max_latency_ms: float | None = Field(
        None, gt=0, description="p50 of batch 1 on one thread."
    )
    max_latency_share: float | None = Field(
        None, gt=0, description="The same, as a share of the reference's."
    )
    max_size_bytes: int | None = Field(None, gt=0)
    max_size_share: float | None = Field(
        None, gt=0, description="Size as a share of the reference's."
    )

    @property
    def least_agreement(self) -> float | None:
        """The agreement that is wanted, said or of its metric; None: none is."""
        if self.min_agreement is None and self.metric == "agreement":
            return MIN_AGREEMENT
        return self.min_agreement

    @property
    def is_timed(self) -> bool:
        """Whether the machine that judges decides too."""
        return self.max_latency_ms is not None or self.max_latency_share is not None


class ClassBarSpec(Spec):
    """What a device class wants of a variant beyond the recipe's bar; see `BarSpec`.

    `max_estimate_ms` is of the class; what was measured on the host is no part of it.
    """

    judged: Literal["overlaps", "inside"] | None = Field(
        None, description="None: as the recipe's bar."
    )
    max_drop_points: float | None = Field(None, ge=0)
    min_agreement: float | None = Field(None, ge=0, le=1)
    min_top1: float | None = Field(None, ge=0, le=1)
    min_top1_share: float | None = Field(None, ge=0, le=1)
    max_size_bytes: int | None = Field(None, gt=0)
    max_estimate_ms: float | None = Field(
        None, gt=0, description="The estimated time of one row on the class."
    )

    @model_validator(mode="after")
    def _wants_something(self) -> "ClassBarSpec":
        if not self.model_dump(exclude_none=True, exclude={"judged"}):
            keys = ", ".join(key for key in type(self).model_fields if key != "judged")
            raise ValueError(f"must want something: one of {keys}")
        return self

    def looser_than(self, bar: BarSpec) -> list[str]:
        """The keys that ask for less than `bar` does, with both numbers.

        Nothing where the class is `inside` and the bar `overlaps`: it judges more strictly.
        """
        if (self.judged, bar.judged) == ("inside", "overlaps"):
            return []
        found, wanted = [], _wanted(bar)
        for key, own in self.model_dump(exclude_none=True, exclude={"judged"}).items():
            other = wanted.get(key)
            at_most = key.startswith("max_")
            if other is not None and (own > other if at_most else own < other):
                word = "at most" if at_most else "at least"
                found.append(f"{key} must be {word} {other:g} as in bar, got {own:g}")
        return found


def _wanted(bar: BarSpec) -> dict[str, float]:
    """What `bar` asks for, by key; numbers that it does not look at are left out."""
    said = bar.model_dump(
        include=set(ClassBarSpec.model_fields) - {"judged"}, exclude_none=True
    )
    if bar.metric != "top1" or bar.min_top1_share is not None:
        said.pop("max_drop_points")  # nobody looks, or the share takes its place
    if bar.least_agreement is not None:
        said["min_agreement"] = bar.least_agreement
    return said


class RecipeSpec(Spec):
    """How one variant of one model is made."""

    id: Id
    title: str
    model: Id = Field(description="Whose variant it becomes.")
    variant: VariantName = Field(description="Its name in the store.")
    seed: int = Field(0, ge=0, lt=2**32)
    source: SourceSpec
    data: RecipeDataSpec = RecipeDataSpec()
    steps: tuple[AnyStep, ...] = Field(min_length=1)
    bar: BarSpec = BarSpec()
    bars: dict[Id, ClassBarSpec] = Field(
        {}, description="By device class, what it wants beyond `bar`."
    )
    devices: tuple[Id, ...] = Field(
        (), description="Device classes the variant is for; `headwater edge export`."
    )
    search: SearchSpec | None = Field(
        None, description="What `headwater edge export` tries beside; none: nothing."
    )

    def datasets(self) -> list[Id]:
        """Every dataset that is named, in `data` or in a step."""
        own = [getattr(step, "calibration", None) for step in self.steps]
        return [*self.data.names(), *(name for name in own if name is not None)]

    def variants(self) -> tuple[VariantName, ...]:
        """Every variant that it may make: its own, and those of its search."""
        found = () if self.search is None else self.search.candidates()
        return (self.variant, *(f"{self.variant}-{one.name}" for one in found))

    def references(self) -> list[tuple[str, Id]]:
        """Every model, pipeline and recipe this one needs: (kind, id)."""
        teachers = [getattr(step, "teacher", None) for step in self.steps]
        found = [self.source, self.bar.against, *teachers]
        return [
            (kind, name)
            for one in found
            for kind in ("model", "pipeline", "recipe")
            if one is not None and (name := getattr(one, kind, None)) is not None
        ]

    @model_validator(mode="after")
    def _search_has_what_it_varies(self) -> "RecipeSpec":
        if self.search is None:
            return self
        trained = [one for one in self.steps if one.step in ("train", "distil")]
        options = getattr(trained[0], "options", {}) if trained else {}
        if not {"stages", "blocks"} & set(options):
            raise ValueError("search needs `train` or `distil` with stages or blocks")
        for table in sorted({"stages", "blocks"} & set(options)):
            if not _TABLE.fullmatch(str(options[table])):
                reason = f"must be rows such as 32:32:2, got {options[table]!r}"
                raise ValueError(f"search needs {table} to vary: it {reason}")
        if not {"litert-convert", "litert-quantize"} <= {s.step for s in self.steps}:
            raise ValueError("search needs `litert-convert` and `litert-quantize`")
        return self

    @model_validator(mode="after")
    def _classes_want_more(self) -> "RecipeSpec":
        for device, own in self.bars.items():
            if device not in self.devices:
                known = ", ".join(self.devices) or "none"
                raise ValueError(f"bars: {device} must be one of devices: {known}")
            for reason in own.looser_than(self.bar):
                raise ValueError(f"bars.{device}: {reason}")
        return self

    @model_validator(mode="after")
    def _leaves_builds_alone(self) -> "RecipeSpec":
        if self.variant in ("fp32-onnx", "int8-onnx"):
            raise ValueError(
                f"variant {self.variant} is the one that `headwater models build` makes"
            )
        return self

"""What a device class wants of a variant beyond the bar of its recipe. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from configs.recipe import ClassBarSpec, RecipeSpec
from models.card import Interval, QualityFact
from models.recipes.bar import (
    Finding,
    at_least,
    at_least_beside,
    at_most_beside,
    cost_at_most,
    refused,
)


@dataclass(frozen=True, slots=True)
class Measured:
    """What is known of a variant on one class; the time is an estimate."""

    quality: Sequence[QualityFact]
    size_bytes: int
    estimate_ms: float


@dataclass(frozen=True, slots=True)
class ClassBar:
    """The bar of `recipe` for one class, and what came of one variant.

    `findings`: of the class's own keys; none: the recipe's bar is all, which every stored
    variant has cleared. `refused`: those for which the class does not get it.
    """

    recipe: str
    findings: tuple[Finding, ...] = ()
    refused: tuple[Finding, ...] = ()

    @property
    def title(self) -> str:
        """Whose bar it is."""
        whose = "the class's own, and that" if self.findings else "that"
        return f"{whose} of recipe {self.recipe}"

    def reasons(self) -> tuple[str, ...]:
        """Why the class does not get the variant."""
        return tuple(f"{one.wanted}: {one.got}" for one in self.refused)

    def as_json(self) -> Mapping[str, object]:
        """What a tool reads."""
        own = [[one.wanted, one.got, one.outcome] for one in self.findings]
        return {"recipe": self.recipe, "of_the_class": own}


def class_bar(recipe: RecipeSpec, device: str, measured: Measured) -> ClassBar:
    """Hold a variant of `recipe` against what it says of `device`."""
    own = recipe.bars.get(device)
    if own is None:
        return ClassBar(recipe.id)
    found = (*_quality(own, measured.quality), *_cost(own, measured))
    bar = recipe.bar.model_copy(update={"judged": own.judged or recipe.bar.judged})
    return ClassBar(recipe.id, found, refused(bar, found))


def _quality(bar: ClassBarSpec, facts: Sequence[QualityFact]) -> Iterator[Finding]:
    for fact in facts:
        place = f"on {fact.dataset}"
        if bar.max_drop_points is not None:
            wanted = f"at most {bar.max_drop_points:g} points of top-1 lost {place}"
            yield at_most_beside(wanted, fact.drop_points, bar.max_drop_points)
        if bar.min_agreement is not None:
            wanted = f"the reference's answer on {bar.min_agreement:.1%} {place}"
            yield at_least_beside(wanted, fact.agreement, bar.min_agreement)
        if bar.min_top1 is not None:
            wanted = f"top-1 of {bar.min_top1:.1%} {place}"
            yield at_least(wanted, fact.top1, bar.min_top1)
        if bar.min_top1_share is not None:
            wanted = f"{bar.min_top1_share:.1%} of the reference's top-1 {place}"
            yield at_least_beside(wanted, _share(fact), bar.min_top1_share)


def _cost(bar: ClassBarSpec, measured: Measured) -> Iterator[Finding]:
    yield from cost_at_most("bytes", measured.size_bytes, bar.max_size_bytes)
    unit = "ms a row, estimated"
    yield from cost_at_most(unit, measured.estimate_ms, bar.max_estimate_ms)


def _share(fact: QualityFact) -> Interval | None:
    """The share of the reference's top-1, which is the own one and what was lost."""
    drop = fact.drop_points
    reference = 0.0 if drop is None else 100 * fact.top1.value + drop.value
    if drop is None or reference <= 0:
        return None
    ends = (1 - points / reference for points in (drop.value, drop.high, drop.low))
    value, low, high = ends
    return Interval(value=value, low=low, high=high)

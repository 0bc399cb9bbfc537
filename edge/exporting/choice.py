"""Which of several variants is the best for a device class. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from configs.device import DeviceSpec
from configs.recipe import RecipeSpec
from edge.exporting.bars import ClassBar, Measured, class_bar
from edge.exporting.forms import size_bytes
from edge.readiness.findings import Readiness
from models.card import Card, Proportion


@dataclass(frozen=True, slots=True)
class Candidate:
    """A stored variant, held against one class; `bar` None: its recipe is not known."""

    card: Card
    readiness: Readiness
    bar: ClassBar | None = None

    @property
    def top1(self) -> Proportion | None:
        """On the first dataset that it was judged on."""
        return self.card.quality[0].top1 if self.card.quality else None

    @property
    def is_fit(self) -> bool:
        """Whether it runs there and clears the class's bar."""
        is_wanted = self.bar is None or not self.bar.refused
        return self.readiness.is_ready and is_wanted

    def reasons(self) -> tuple[str, ...]:
        """Why the class cannot take it, or does not want it."""
        own = () if self.bar is None else self.bar.reasons()
        return (*self.readiness.reasons(), *own)


def under_bar(one: Candidate, recipe: RecipeSpec) -> Candidate:
    """`one`, made by `recipe`, held against what that says of the class."""
    size, took_ms = size_bytes(one.card), one.readiness.estimate_ms
    measured = Measured(one.card.quality, size, took_ms)
    return replace(one, bar=class_bar(recipe, one.readiness.device, measured))


def best(candidates: Sequence[Candidate], device: DeviceSpec) -> Candidate | None:
    """The fastest of those that are as right as the rightest, as far as photos tell.

    Right as the rightest: the interval of its top-1 reaches the other's. Of equally fast
    ones the smallest. Those within the latency budget come first; it is held against an
    estimate, so when none is within, the others are still there. None: no candidate runs.
    """
    fit = _fit(candidates, device)
    if not fit:
        return None
    most = max((one.top1.value for one in fit if one.top1 is not None), default=0.0)
    right = [one for one in fit if one.top1 is None or one.top1.high >= most]
    return min(right, key=_price)


def lightest(candidates: Sequence[Candidate], device: DeviceSpec) -> Candidate | None:
    """The fastest; for candidates of a search, which all have cleared one bar.

    Of equally fast ones the most right, then the smallest. The latency budget counts as
    in `best`. None: no candidate runs.
    """
    return min(_fit(candidates, device), key=_weight, default=None)


def _fit(candidates: Sequence[Candidate], device: DeviceSpec) -> list[Candidate]:
    """Those that may be chosen, and if any of these is, only those within the budget."""
    ready = [one for one in candidates if one.is_fit]
    return [one for one in ready if _is_within(one, device)] or ready


def _is_within(candidate: Candidate, device: DeviceSpec) -> bool:
    budget = device.latency_budget_ms
    return budget is None or candidate.readiness.estimate_ms <= budget


def _price(candidate: Candidate) -> tuple[float, int, str]:
    card = candidate.card
    return candidate.readiness.estimate_ms, size_bytes(card), card.variant


def _weight(candidate: Candidate) -> tuple[float, float, tuple[float, int, str]]:
    price, top1 = _price(candidate), candidate.top1
    return price[0], 0.0 if top1 is None else -top1.value, price

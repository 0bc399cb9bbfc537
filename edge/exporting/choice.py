"""Which of several variants is the best for a device class. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

from configs.device import DeviceSpec
from edge.exporting.forms import size_bytes
from edge.readiness.findings import Readiness
from models.card import Card, Proportion


@dataclass(frozen=True, slots=True)
class Candidate:
    """A stored variant, held against one class."""

    card: Card
    readiness: Readiness

    @property
    def top1(self) -> Proportion | None:
        """On the first dataset that it was judged on."""
        return self.card.quality[0].top1 if self.card.quality else None


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
    """Those that run, and if there are any of these, only those within the budget."""
    ready = [one for one in candidates if one.readiness.is_ready]
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

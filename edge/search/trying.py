"""Tries candidates one after the other, within a budget of minutes.

A candidate is an ordinary run of the workshop: what is on its shelf costs nothing, so the
same command goes on where the last one stopped.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType

from configs.device import DeviceSpec
from edge.exporting.bars import ClassBar, Measured, class_bar
from edge.readiness.findings import Readiness
from edge.search.estimates import Estimate, in_the_way
from edge.search.holding import held
from edge.search.variations import Variation
from models.errors import ModelError
from models.recipes.bar import Finding, findings
from models.recipes.engine import Result
from models.recipes.judged import Judged

COST_KEYS = (
    "max_latency_ms",
    "max_latency_share",
    "max_size_bytes",
    "max_size_share",
)


@dataclass(frozen=True, slots=True)
class Tried:
    """One candidate and what came of it; `reason`: why nothing did.

    `refused`: why it is not stored, empty when it is. `readiness` and `bars`: by device
    class.
    """

    variation: Variation
    estimate: Estimate
    reason: str = ""
    judged: Judged | None = None
    refused: tuple[Finding, ...] = ()
    readiness: Mapping[str, Readiness] = field(
        default_factory=lambda: MappingProxyType({})
    )
    bars: Mapping[str, ClassBar] = field(default_factory=lambda: MappingProxyType({}))
    failure: ModelError | None = None

    @property
    def was_begun(self) -> bool:
        """Whether it took time, well or not."""
        return self.judged is not None or self.failure is not None

    @property
    def is_stored(self) -> bool:
        """Whether it cleared its bar."""
        return self.judged is not None and not self.refused

    def below_bar(self, device: str) -> tuple[str, ...]:
        """Why a class does not want it although it runs there; empty: it does."""
        return self.bars[device].reasons() if device in self.bars else ()


@dataclass(frozen=True, slots=True)
class Means:
    """How a search makes and costs candidates, and the clock that it looks at."""

    run: Callable[[str], Result]
    cost: Callable[[Variation], Estimate]
    clock: Callable[[], float]


class Search:
    """One search for `devices`; after `limit_s` it begins nothing but the first."""

    def __init__(
        self, means: Means, devices: Sequence[DeviceSpec], limit_s: float
    ) -> None:
        self._means, self._devices, self._limit_s = means, tuple(devices), limit_s

    def among(self, found: Sequence[Variation]) -> tuple[Tried, ...]:
        """Every one of `found`, tried or left out.

        Raises:
            ModelError: of the first that failed, when none could be made.
        """
        began_s, tried = self._means.clock(), list[Tried]()
        for one in found:
            cost = self._means.cost(one)
            reason = why_not(one, cost, self._devices, tried)
            is_late = self._means.clock() - began_s >= self._limit_s
            if not reason and is_late and any(t.was_begun for t in tried):
                reason = f"the {self._limit_s / 60:g} minutes were over"
            tried.append(Tried(one, cost, reason) if reason else self._try(one, cost))
        failures = [t.failure for t in tried if t.failure is not None]
        if failures and all(t.judged is None for t in tried):
            raise failures[0]
        return tuple(tried)

    def _try(self, one: Variation, cost: Estimate) -> Tried:
        try:
            return self._made(one, cost)
        except ModelError as error:
            return Tried(one, cost, f"failed: {error}", failure=error)

    def _made(self, one: Variation, cost: Estimate) -> Tried:
        result = self._means.run(one.recipe.id)
        facts, size_bytes = result.judged.quality, result.judged.size_bytes
        found = held(result.pieces[-1], size_bytes, self._devices)
        bars = {
            name: class_bar(
                one.recipe, name, Measured(facts, size_bytes, each.estimate_ms)
            )
            for name, each in found.items()
        }
        return Tried(one, cost, "", result.judged, result.refused, found, bars)


def why_not(
    one: Variation,
    cost: Estimate,
    devices: Sequence[DeviceSpec],
    tried: Sequence[Tried],
) -> str:
    """Why `one` is not worth a try after `tried`; empty: it is. Pure."""
    bars = one.recipe.bars
    reasons = {d.id: in_the_way(cost, d, bars.get(d.id)) for d in devices}
    if all(reasons.values()):
        told = "; ".join(f"{name}: {', '.join(r)}" for name, r in reasons.items())
        return f"for no class: {told}"
    most, weights = one.recipe.bar.max_size_bytes, cost.cost.weights_bytes
    if most is not None and weights > most:
        return f"about {weights} bytes of weights, the bar is {most}"
    kind = (one.width, one.form)
    alike = [t for t in tried if (t.variation.width, t.variation.form) == kind]
    plain = [t.judged for t in alike if t.judged is not None and not t.variation.round]
    if one.round and plain and all(_is_hopeless(each, one) for each in plain):
        return "its plain form is below the bar"
    return ""


def _is_hopeless(judged: Judged, one: Variation) -> bool:
    """Whether the whole interval of something other than its cost is beyond the bar."""
    bar = one.recipe.bar.model_copy(update=dict.fromkeys(COST_KEYS))
    return any(found.outcome == "below" for found in findings(bar, judged))

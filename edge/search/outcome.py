"""What a search found: for each class the candidates that nothing beats, and one choice.

Pure.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from configs.device import DeviceSpec
from edge.readiness.findings import Readiness
from edge.search.trying import Tried
from models.recipes.compare import Contender, compare, contender


@dataclass(frozen=True, slots=True)
class Outcome:
    """Everything that was tried for `devices`; `chosen`: variant by class.

    `fronts`: by class the candidates that run there, `latency_ms` the estimate for it,
    `is_best` where no other is as right, as fast and as small.
    """

    recipe: str
    minutes: float
    tried: tuple[Tried, ...]
    fronts: Mapping[str, tuple[Contender, ...]]
    chosen: Mapping[str, str]


def outcome(
    recipe: str,
    minutes: float,
    tried: Sequence[Tried],
    devices: Sequence[DeviceSpec],
    chosen: Mapping[str, str],
) -> Outcome:
    """Hold what was tried against each class."""
    fronts = {device.id: front(tried, device.id) for device in devices}
    return Outcome(recipe, minutes, tuple(tried), fronts, chosen)


def front(tried: Sequence[Tried], device: str) -> tuple[Contender, ...]:
    """Those that run on `device` and clear its bar, with what nothing beats marked."""
    rows = [
        replace(_row(one), latency_ms=one.readiness[device].estimate_ms)
        for one in tried
        if one.judged is not None
        and one.readiness[device].is_ready
        and not one.below_bar(device)
    ]
    return tuple(compare((), None, rows))


def as_json(found: Outcome) -> Mapping[str, object]:
    """What a tool reads."""
    return {
        "recipe": found.recipe,
        "minutes": found.minutes,
        "chosen": dict(found.chosen),
        "candidates": [_candidate(one, found) for one in found.tried],
    }


def _candidate(one: Tried, found: Outcome) -> Mapping[str, object]:
    variation, cost = one.variation, one.estimate.cost
    row = None if one.judged is None else _row(one)
    return {
        "variant": variation.recipe.variant,
        "width": variation.width,
        "pruning": variation.pruning,
        "quantization": variation.quantization,
        "form": variation.form,
        "estimate": {
            "macs": cost.macs,
            "weights_bytes": cost.weights_bytes,
            "arena_bytes": cost.arena_bytes,
        },
        "stored": one.is_stored,
        "left_out": one.reason,
        "refused": [f"{f.wanted}: {f.got}" for f in one.refused],
        "size_bytes": None if row is None else row.size_bytes,
        "host_ms": None if row is None else row.latency_ms,
        "top1": None
        if row is None or row.top1 is None
        else row.top1.model_dump(mode="json"),
        "classes": {
            name: {
                **_on_class(one.readiness[name], is_best(found, name, one)),
                "below_its_bar": list(one.below_bar(name)),
            }
            for name in one.readiness
        },
    }


def is_best(found: Outcome, device: str, one: Tried) -> bool:
    """Whether nothing beats a candidate on a class."""
    variant = one.variation.recipe.variant
    return any(row.is_best and row.variant == variant for row in found.fronts[device])


def _on_class(held: Readiness, best: bool) -> Mapping[str, object]:
    return {
        "ready": held.is_ready,
        "estimate_ms": round(held.estimate_ms, 4),
        "arena_bytes": held.cost.arena_bytes,
        "reasons": list(held.reasons()),
        "nothing_beats_it": best,
    }


def _row(one: Tried) -> Contender:
    if one.judged is None:
        raise ValueError(f"{one.variation.recipe.id} was not made")
    recipe = one.variation.recipe
    return contender(recipe.model, recipe.variant, one.judged)

"""Stored variants over device classes, with what nothing beats on each. Pure."""

from collections.abc import Mapping, Sequence

from edge.exporting.choice import Candidate
from edge.exporting.forms import size_bytes
from models.recipes.compare import Contender, compare


def fronts(
    held: Mapping[str, Sequence[Candidate]],
) -> Mapping[str, tuple[Contender, ...]]:
    """By class those that run there; `latency_ms` is the estimate for the class."""
    return {
        device: tuple(
            compare((), None, [_row(o) for o in each if o.readiness.is_ready])
        )
        for device, each in held.items()
    }


def _row(one: Candidate) -> Contender:
    card, fact = one.card, one.card.quality[0] if one.card.quality else None
    return Contender(
        model=card.model,
        variant=card.variant,
        dataset=None if fact is None else fact.dataset,
        top1=one.top1,
        drop_points=None if fact is None else fact.drop_points,
        agreement=None if fact is None else fact.agreement,
        latency_ms=one.readiness.estimate_ms,
        size_bytes=size_bytes(card),
    )

"""Stored variants side by side, and which of them nothing else beats. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from models.card import Card, Interval, Proportion, QualityFact
from models.recipes.judged import Judged


@dataclass(frozen=True, slots=True)
class Contender:
    """What one variant costs and how good it is; None: not measured.

    `is_best`: no other variant of the model on the same data is at least as right, as
    fast and as small, and better in one of them.
    """

    model: str
    variant: str
    dataset: str | None
    top1: Proportion | None
    drop_points: Interval | None
    agreement: Proportion | None
    latency_ms: float | None
    size_bytes: int
    recipe: str | None = None
    is_best: bool = False


def compare(
    cards: Iterable[Card], dataset: str | None = None, more: Sequence[Contender] = ()
) -> list[Contender]:
    """Every card and what is in `more` as rows, with the best ones marked.

    Args:
        cards: stored variants.
        dataset: whose numbers; None: of the first that each was judged on.
        more: rows of variants that are not stored.
    """
    rows = [*(_row(card, dataset) for card in cards), *more]
    return [replace(row, is_best=_is_best(row, rows)) for row in rows]


def contender(
    model: str, variant: str, judged: Judged, dataset: str | None = None
) -> Contender:
    """What was measured of a variant that is not stored, as a row."""
    fact = _fact(judged.quality, dataset)
    return Contender(
        model=model,
        variant=variant,
        dataset=None if fact is None else fact.dataset,
        top1=None if fact is None else fact.top1,
        drop_points=None if fact is None else fact.drop_points,
        agreement=None if fact is None else fact.agreement,
        latency_ms=judged.latency_ms,
        size_bytes=judged.size_bytes,
    )


def _row(card: Card, dataset: str | None) -> Contender:
    files = (card.model_file, *card.files.values())
    judged = Judged(
        name=card.variant,
        form=card.form,
        size_bytes=sum(one.size_bytes for one in files),
        quality=card.quality,
        latency=card.latency,
    )
    recipe = None if card.recipe is None else card.recipe.id
    return replace(contender(card.model, card.variant, judged, dataset), recipe=recipe)


def _fact(facts: Sequence[QualityFact], dataset: str | None) -> QualityFact | None:
    return next((fact for fact in facts if dataset in (None, fact.dataset)), None)


def _is_best(row: Contender, rows: Sequence[Contender]) -> bool:
    own = _worth(row)
    others = (one for one in rows if _rival(one) == _rival(row))
    return own is not None and not any(_beats(_worth(one), own) for one in others)


def _rival(row: Contender) -> tuple[str, str | None]:
    return row.model, row.dataset


def _worth(row: Contender) -> tuple[float, float, float] | None:
    """More is better in each."""
    if row.top1 is None or row.latency_ms is None:
        return None
    return row.top1.value, -row.latency_ms, -float(row.size_bytes)


def _beats(
    other: tuple[float, float, float] | None, own: tuple[float, float, float]
) -> bool:
    if other is None or other == own:
        return False
    return all(theirs >= ours for theirs, ours in zip(other, own, strict=True))

"""What rows that are too few cannot tell, in words. Pure."""

from collections.abc import Iterable, Iterator

from models.facts import QualityFact

POINT = 1.0
"""What a judgement should tell apart: a variant that lost so many points from one that lost none."""


def doubts(facts: Iterable[QualityFact]) -> tuple[str, ...]:
    """A sentence for each dataset whose rows cannot tell a loss of one point from none."""
    return tuple(_doubts(facts))


def _doubts(facts: Iterable[QualityFact]) -> Iterator[str]:
    for fact in facts:
        lost, share = fact.drop_points, fact.top1
        low, high = 100 * share.low, 100 * share.high
        said = f"tell top-1 ({low:.1f}% to {high:.1f}%)"
        if lost is not None:
            low, high = lost.low, lost.high
            said = f"tell the top-1 that was lost ({low:+.1f} to {high:+.1f} points)"
        reach = (high - low) / 2
        if reach > POINT:
            yield (
                f"{share.n} rows of {fact.dataset} {said} to within {reach:.1f} points: "
                f"too few to tell a loss of {POINT:g} point; `--data FOLDER` judges on "
                "more rows of yours"
            )

"""Whether what was measured clears a recipe's bar. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from configs.recipe import BarSpec
from models.card import Interval, Proportion, QualityFact
from models.recipes.judged import Judged

Outcome = Literal["clears", "open", "below"]

NO_REFERENCE = "nothing: it needs a reference, see `bar.against`"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing the bar wants, what came, and how that is judged.

    `clears`: the whole interval is within the bar; `below`: all of it is beyond;
    `open`: it lies on both sides, the photos do not tell.
    """

    wanted: str
    got: str
    outcome: Outcome


def findings(bar: BarSpec, judged: Judged) -> tuple[Finding, ...]:
    """Everything `bar` wants, held against `judged`."""
    found = [*_cost(bar, judged)]
    for fact in judged.quality if bar.metric != "perplexity" else ():
        found += _quality(bar, fact, judged.reference)
    if bar.metric == "perplexity":
        found += _text(bar, judged)
    return tuple(found)


def refused(bar: BarSpec, found: tuple[Finding, ...]) -> tuple[Finding, ...]:
    """Those of `found` for which the variant is not stored; all measured, none missing."""
    bad = ("below",) if bar.judged == "overlaps" else ("below", "open")
    return tuple(finding for finding in found if finding.outcome in bad)


def _quality(
    bar: BarSpec, fact: QualityFact, reference: Judged | None
) -> Iterator[Finding]:
    drop, place = fact.drop_points, f"on {fact.dataset}"
    if bar.metric == "top1" and drop is not None and bar.min_top1_share is None:
        wanted = f"at most {bar.max_drop_points:g} points of top-1 lost {place}"
        yield at_most(wanted, drop, bar.max_drop_points)
    least = bar.least_agreement
    if least is not None:
        wanted = f"the reference's answer on {least:.1%} of {fact.dataset}"
        yield at_least_beside(wanted, fact.agreement, least)
    if bar.min_top1 is not None:
        yield at_least(f"top-1 of {bar.min_top1:.1%} {place}", fact.top1, bar.min_top1)
    if bar.min_top1_share is not None:
        wanted = f"{bar.min_top1_share:.1%} of the reference's top-1 {place}"
        share = _share_of_top1(fact, reference)
        yield at_least_beside(wanted, share, bar.min_top1_share)


def _share_of_top1(fact: QualityFact, reference: Judged | None) -> Interval | None:
    """The share of the reference's top-1, its interval that of the paired loss."""
    others = reference.quality if reference is not None else ()
    tops = [o.top1.value for o in others if o.dataset == fact.dataset]
    drop = fact.drop_points
    if drop is None or not tops or not tops[0]:
        return None
    top1 = 100 * tops[0]
    return Interval(
        value=1 - drop.value / top1,
        low=1 - drop.high / top1,
        high=1 - drop.low / top1,
    )


def _text(bar: BarSpec, judged: Judged) -> Iterator[Finding]:
    for fact in judged.measured.text if judged.measured is not None else ():
        if fact.rise is not None:
            most = bar.max_perplexity_rise
            wanted = f"perplexity at most {most:.1%} above the reference's"
            yield at_most(f"{wanted} on {fact.dataset}", fact.rise, most)


def _cost(bar: BarSpec, judged: Judged) -> Iterator[Finding]:
    other = judged.reference
    yield from cost_at_most("ms a row", judged.latency_ms, bar.max_latency_ms)
    yield from cost_at_most("bytes", judged.size_bytes, bar.max_size_bytes)
    if other is not None:
        yield from cost_at_most(
            "of the reference's time",
            _ratio(judged.latency_ms, other.latency_ms),
            bar.max_latency_share,
        )
        yield from cost_at_most(
            "of the reference's size",
            _ratio(judged.size_bytes, other.size_bytes),
            bar.max_size_share,
        )


def cost_at_most(unit: str, got: float | None, most: float | None) -> Iterator[Finding]:
    """What has no interval; nothing when `most` is None."""
    if most is None:
        return
    said = "nothing measured" if got is None else _short(got)
    fits = got is not None and got <= most
    yield Finding(f"at most {_short(most)} {unit}", said, "clears" if fits else "below")


def _short(number: float) -> str:
    """Four digits, or as many as a whole number of bytes has."""
    return f"{number:.4g}" if number < 10_000 else f"{number:.0f}"


def _ratio(own: float | None, other: float | None) -> float | None:
    return own / other if own is not None and other else None


def at_most_beside(
    wanted: str, got: Interval | Proportion | None, most: float
) -> Finding:
    """`at_most` of what only a reference tells; without one it is not reached."""
    if got is None:
        return Finding(wanted, NO_REFERENCE, "below")
    return at_most(wanted, got, most)


def at_most(wanted: str, got: Interval | Proportion, most: float) -> Finding:
    """What was measured held against an upper bound."""
    if got.high <= most:
        return Finding(wanted, _say(got), "clears")
    return Finding(wanted, _say(got), "below" if got.low > most else "open")


def at_least_beside(
    wanted: str, got: Interval | Proportion | None, least: float
) -> Finding:
    """`at_least` of what only a reference tells; without one it is not reached."""
    if got is None:
        return Finding(wanted, NO_REFERENCE, "below")
    return at_least(wanted, got, least)


def at_least(wanted: str, got: Interval | Proportion, least: float) -> Finding:
    """What was measured held against a lower bound."""
    if got.low >= least:
        return Finding(wanted, _say(got), "clears")
    return Finding(wanted, _say(got), "below" if got.high < least else "open")


def _say(got: Interval | Proportion) -> str:
    return f"{got.value:.4g} (95% interval {got.low:.4g} to {got.high:.4g})"

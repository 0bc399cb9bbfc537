"""What was fitted for an ensemble as a Markdown page. Pure."""

from collections.abc import Iterator

from models.card import CascadeFact, EnsembleCard, HeldOutFact, Interval, Proportion
from models.cascade import NEVER


def page(card: EnsembleCard) -> str:
    """The page of a card of version 2."""
    return "\n".join([*_head(card), *_members(card), *_cascade(card), *_subsets(card)])


def summary(card: EnsembleCard) -> Iterator[str]:
    """The few lines that a terminal shows."""
    yield f"{card.pipeline}: fitted on {card.n} photos of {card.fitted_on}"
    for at, member in enumerate(card.members):
        told = f"  {member}: weight {card.weights[at]:.3f}"
        if card.calibration:
            fact = card.calibration[at]
            told += (
                f", temperature {fact.temperature:.2f} (ECE {fact.before.value:.3f}, "
                f"with it {fact.after.value:.3f})"
            )
        yield told
    if card.cascade is not None:
        yield f"  cascade: {_thresholds(card.cascade)}"
        if card.cascade.held_out is not None:
            yield f"  held out: {_held_out(card.cascade.held_out)}"
    for warning in card.warnings:
        yield f"  note: {warning}"


def _head(card: EnsembleCard) -> Iterator[str]:
    yield f"# {card.pipeline}"
    yield ""
    yield f"Fitted on {card.n} photos of {card.fitted_on}, {card.created}."
    yield from (f"Note: {warning}." for warning in card.warnings)
    yield ""
    for fact in card.quality:
        told = f"{_share(fact.top1)}, top-5 {_share(fact.top5)}"
        yield f"The whole ensemble on these photos: top-1 {told}."
    yield ""


def _members(card: EnsembleCard) -> Iterator[str]:
    yield "## Members"
    yield ""
    yield "| member | weight | temperature | ECE | ECE with it |"
    yield "|---|---|---|---|---|"
    for at, member in enumerate(card.members):
        cells = ["", "", ""]
        if card.calibration:
            fact = card.calibration[at]
            cells = [f"{fact.temperature:.3f}", _span(fact.before), _span(fact.after)]
        yield _line(member, f"{card.weights[at]:.3f}", *cells)
    yield ""
    yield "Temperatures are served where the pipeline says `temperatures: fitted`."
    yield ""


def _cascade(card: EnsembleCard) -> Iterator[str]:
    fact = card.cascade
    if fact is None:
        return
    costs = zip(fact.order, fact.costs_ms, strict=True)
    yield "## Cascade"
    yield ""
    yield "Order: " + ", ".join(f"{name} ({ms:.2f} ms)" for name, ms in costs) + "."
    yield f"{_thresholds(fact)}."
    if fact.held_out is not None:
        yield f"Held out ({fact.held_out.folds} folds): {_held_out(fact.held_out)}."
    yield ""
    yield "On the photos of the fit, by threshold:"
    yield ""
    yield "| threshold | compute % | members run | top-1 % | points lost |"
    yield "|---|---|---|---|---|"
    for point in fact.curve:
        yield _line(
            "never" if point.threshold >= NEVER else f"{point.threshold:.3f}",
            f"{100 * point.cost_share:.1f}",
            f"{point.members_run:.2f}",
            f"{100 * point.top1:.2f}",
            f"{point.drop_points:+.2f}",
        )
    yield ""


def _subsets(card: EnsembleCard) -> Iterator[str]:
    if not card.subsets:
        return
    yield "## Choices of members"
    yield ""
    yield "| members | top-1 % | log loss |"
    yield "|---|---|---|"
    for fact in sorted(card.subsets, key=lambda one: one.log_loss):
        names = ", ".join(card.members[member] for member in fact.members)
        yield _line(names, f"{100 * fact.top1:.2f}", f"{fact.log_loss:.4f}")
    yield ""


def _thresholds(fact: CascadeFact) -> str:
    promise = f"at most {fact.max_drop_points:g} points lost"
    if fact.min_accuracy is not None:
        promise += f", at least {fact.min_accuracy:.1%} right"
    if fact.thresholds[0] >= NEVER:
        return f"stops nowhere; the promise was {promise}"
    return f"stops at a {fact.confidence} of {fact.thresholds[0]:.3f} ({promise})"


def _held_out(fact: HeldOutFact) -> str:
    drop = fact.drop_points
    return (
        f"top-1 {_share(fact.top1)}, the whole ensemble {_share(fact.whole_top1)}, "
        f"{drop.value:+.2f} points lost ({drop.low:+.2f} to {drop.high:+.2f}), "
        f"{fact.cost_share:.1%} of its compute, {fact.members_run:.2f} members a photo"
    )


def _line(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"


def _share(share: Proportion) -> str:
    return f"{share.value:.2%} ({share.low:.1%} to {share.high:.1%})"


def _span(span: Interval) -> str:
    return f"{span.value:.3f} ({span.low:.3f} to {span.high:.3f})"

"""Surveys as Markdown tables. Pure."""

from collections.abc import Iterator, Mapping, Sequence

from models.card import Card, Interval, Proportion
from models.survey import EnsembleRow, Survey, VariantRow

BEGIN, END = "<!-- measured: begin -->", "<!-- measured: end -->"
"""What is between these lines of a page is replaced by `into_page`."""

_VARIANT_HEAD = (
    "| model | variant | top-1 % | top-5 % | agrees with FP32 % | "
    "top-1 points lost | p |\n|---|---|---|---|---|---|---|"
)
_ENSEMBLE_HEAD = (
    "| pipeline | weights | top-1 % | top-5 % | best member | points gained on it | p |"
    "\n|---|---|---|---|---|---|---|"
)
_COST_HEAD = (
    "| model | variant | size MB | batch 1 ms | batch 8 ms | batch 32 ms |"
    "\n|---|---|---|---|---|---|"
)


def markdown(surveys: Sequence[Survey], facts: Mapping[str, str]) -> str:
    """The tables of `surveys`, and under which `facts` (commit, machine) they were made."""
    parts = [f"{name}: {value}" for name, value in facts.items()]
    lines = ["Measured with " + "; ".join(parts) + ".", ""]
    for found in surveys:
        lines += [*_quality_tables(found), ""]
    lines += ["### Size and time alone", ""]
    lines += ["One thread; p50 (p99) of one run of the runtime, from the card.", ""]
    cards = [row.card for row in surveys[0].variants] if surveys else []
    lines += [_COST_HEAD, *map(_cost_line, cards)]
    return "\n".join(lines) + "\n"


def into_page(page: str, tables: str) -> str:
    """`page` with what is between its marks replaced; without marks, added at its end."""
    before, begun, rest = page.partition(BEGIN)
    _, ended, after = rest.partition(END)
    if not begun or not ended:
        before, after = f"{page.rstrip()}\n\n" if page.strip() else "", "\n"
    return f"{before}{BEGIN}\n{tables}{END}{after}"


def _quality_tables(found: Survey) -> Iterator[str]:
    yield f"### On {found.dataset}, {found.n} photos"
    yield ""
    yield _VARIANT_HEAD
    yield from map(_variant_line, found.variants)
    if found.ensembles:
        yield ""
        yield _ENSEMBLE_HEAD
        yield from map(_ensemble_line, found.ensembles)


def _variant_line(row: VariantRow) -> str:
    fact = row.quality
    return _line(
        row.card.model,
        row.card.variant,
        _share(fact.top1),
        _share(fact.top5),
        _share(fact.agreement) if fact.agreement else "",
        _points(fact.drop_points) if fact.drop_points else "",
        f"{fact.p_value:.2f}" if fact.p_value is not None else "",
    )


def _ensemble_line(row: EnsembleRow) -> str:
    return _line(
        row.pipeline,
        " ".join(f"{weight:.3f}" for weight in row.weights),
        _share(row.quality.top1),
        _share(row.quality.top5),
        row.best_member,
        _points(row.gain_points),
        f"{row.p_value:.2g}",
    )


def _cost_line(card: Card) -> str:
    times = {fact.batch_size: fact for fact in card.latency if fact.threads == 1}
    return _line(
        card.model,
        card.variant,
        f"{card.model_file.size_bytes / 1e6:.1f}",
        *(
            f"{times[size].p50_ms:.1f} ({times[size].p99_ms:.1f})"
            if size in times
            else ""
            for size in (1, 8, 32)
        ),
    )


def _line(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"


def _share(share: Proportion) -> str:
    return f"{share.value:.2%} ({share.low:.1%} to {share.high:.1%})".replace("%", "")


def _points(points: Interval) -> str:
    return f"{points.value:+.2f} ({points.low:+.2f} to {points.high:+.2f})"

"""What a search found, as files: search.json, search.md, search.html and a picture."""

import json
from collections.abc import Iterator
from pathlib import Path

from edge.pictures.drawn import drawn
from edge.search.outcome import Outcome, as_json, is_best
from edge.search.trying import Tried
from models.atomic import write_whole
from models.recipes.compare import Contender
from models.recipes.page import Row, Section, html, markdown

TOLD = (
    "Times on a class are estimates from multiplications and bytes, never measured; "
    "`host ms` is one row on one thread of the machine that ran the search. "
    "A * marks what no other candidate beats in top-1, time and size at once."
)


def write(found: Outcome, folder: Path) -> Path:
    """Write all of it to `folder`; the Markdown file."""
    folder.mkdir(parents=True, exist_ok=True)
    text = json.dumps(as_json(found), indent=1, sort_keys=True)
    _text(folder / "search.json", f"{text}\n")
    sections = list(_sections(found, folder))
    title = f"{found.recipe}: what was tried"
    _text(folder / "search.md", markdown(title, sections))
    try:
        _text(folder / "search.html", html(title, sections))
    except ImportError:  # Markdown says the same
        (folder / "search.html").unlink(missing_ok=True)
    return folder / "search.md"


def _sections(found: Outcome, folder: Path) -> Iterator[Section]:
    refused = [
        one.variation.recipe.variant
        for one in found.tried
        if one.judged is not None and one.refused
    ]
    target = folder / "search.png"
    shown = {name: rows for name, rows in found.fronts.items() if rows}
    picture = drawn(target, "fronts", shown, found.chosen, refused) if shown else None
    made = sum(one.judged is not None for one in found.tried)
    told = (
        f"{made} of {len(found.tried)} candidates were made; "
        f"the budget was {found.minutes:g} minutes.",
    )
    head = ("class", "gets", "top-1 %", "estimated ms", "bytes", "run there")
    rows = [_gets(found, name) for name in found.fronts]
    yield Section("What each class gets", told, head, rows, picture)
    yield Section(
        "Candidates",
        (TOLD,),
        ("variant", "MACs", "top-1 %", "host ms", "bytes", *found.fronts, "verdict"),
        [_candidate(one, found) for one in found.tried],
    )


def _gets(found: Outcome, device: str) -> Row:
    rows = found.fronts[device]
    variant = found.chosen.get(device)
    row = next((one for one in rows if one.variant == variant), None)
    if row is None:
        return device, "nothing", "", "", "", str(len(rows))
    took = "" if row.latency_ms is None else f"{row.latency_ms:.3g}"
    return (
        device,
        row.variant,
        _top1(row),
        took,
        str(row.size_bytes),
        str(len(rows)),
    )


def _candidate(one: Tried, found: Outcome) -> Row:
    judged, variant = one.judged, one.variation.recipe.variant
    macs = f"{one.estimate.cost.macs / 1e6:.2f} M"
    if judged is None:
        blank = [""] * (3 + len(found.fronts))
        return variant, macs, *blank, f"left out: {one.reason}"
    fact = judged.quality[0].top1 if judged.quality else None
    share = "" if fact is None else f"{100 * fact.value:.2f}"
    if fact is not None:
        share += f" ({100 * fact.low:.2f} to {100 * fact.high:.2f})"
    host = "" if judged.latency_ms is None else f"{judged.latency_ms:.3f}"
    cells = [_on_class(one, found, name) for name in found.fronts]
    return variant, macs, share, host, str(judged.size_bytes), *cells, _verdict(one)


def _on_class(one: Tried, found: Outcome, device: str) -> str:
    held = one.readiness[device]
    if not held.is_ready:
        return "does not run"
    if one.below_bar(device):
        return "below its bar"
    star = " *" if is_best(found, device, one) else ""
    return f"{held.estimate_ms:.3g} ms{star}"


def _verdict(one: Tried) -> str:
    if not one.refused:
        return "stored"
    return "below its bar: " + "; ".join(f"{f.wanted}: {f.got}" for f in one.refused)


def _top1(row: Contender) -> str:
    share = row.top1
    if share is None:
        return ""
    return f"{100 * share.value:.2f} ({100 * share.low:.2f} to {100 * share.high:.2f})"


def _text(file: Path, text: str) -> None:
    with write_whole(file) as written:
        written.write_text(text, encoding="utf-8")

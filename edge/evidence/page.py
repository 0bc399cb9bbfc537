"""The evidence of a file as sections of its page, with pictures beside it."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

from edge.evidence.facts import CLOSE, AgreementFact, Evidence
from edge.evidence.gathering import Found
from edge.pictures.drawn import drawn
from models.recipes import told
from models.recipes.compare import Contender
from models.recipes.page import Row, Section

FRONTS = "variants.png"
ERRORS = "Error of each operator"
ESTIMATES = "Times are estimates for each class; a larger point is a larger file."


def fronts_section(
    by_class: Mapping[str, Sequence[Contender]],
    chosen: Mapping[str, str],
    folder: Path,
) -> Iterator[Section]:
    """Every stored variant over every class."""
    shown = {name: rows for name, rows in by_class.items() if rows}
    if not shown:
        return
    picture = drawn(folder / FRONTS, "fronts", shown, chosen)
    rows = [_variant(name, row, chosen) for name, each in shown.items() for row in each]
    head = ("class", "variant", "top-1 %", "estimated ms", "bytes", "")
    yield Section(
        "Accuracy, latency and size of every variant", (ESTIMATES,), head, rows, picture
    )


def evidence_sections(found: Found, folder: Path) -> Iterator[Section]:
    """Agreement with its explanation, layers and confusion."""
    evidence = found.evidence
    if evidence.agreements:
        yield _agreement(found, folder)
    if evidence.layers:
        errors = {one.layer: one.snr_db for one in evidence.layers}
        unit = "dB from itself in float; the larger, the nearer"
        picture = told.drawn(folder / "layers.png", "layers", errors, unit)
        rows = [(name, f"{error:.1f}") for name, error in errors.items()]
        yield Section(ERRORS, (), ("operator", "dB"), rows, picture)
    elif evidence.not_known:
        yield Section(ERRORS, evidence.not_known)
    if evidence.confusion:
        yield _confusion(evidence, folder)


def _agreement(found: Found, folder: Path) -> Section:
    evidence, picture = found.evidence, None
    if evidence.explanation:
        first = next(one for one in evidence.agreements if not one.is_enough)
        target = folder / "margins.png"
        picture = drawn(
            target, "margins", found.every, found.differing, CLOSE, first.against
        )
    head = ("beside", "same answer %", "differ", "of these close calls", "else same %")
    rows = [_beside(one) for one in evidence.agreements]
    said = f"{evidence.rows} rows of {evidence.dataset}."
    return Section(
        "Whose answers it gives", (said, *evidence.explanation), head, rows, picture
    )


def _beside(one: AgreementFact) -> Row:
    sure = "" if one.sure is None else f"{100 * one.sure.value:.2f}"
    share = one.agreement
    return (
        one.against,
        f"{100 * share.value:.2f} ({100 * share.low:.1f} to {100 * share.high:.1f})",
        str(one.differing),
        str(one.differing_close),
        sure,
    )


def _confusion(evidence: Evidence, folder: Path) -> Section:
    tables = {one.name: np.array(one.counts) for one in evidence.confusion}
    picture = drawn(folder / "confusion.png", "confusion", tables, evidence.labels)
    head = ("", "class", "rows", "right %", "most often taken for")
    rows = [
        _class(name, at, table, evidence.labels)
        for name, table in tables.items()
        for at in range(len(table))
    ]
    return Section("Confusion", (), head, rows, picture)


def _class(name: str, at: int, table: np.ndarray, labels: Sequence[str]) -> Row:
    counts = table[at].copy()
    total, right = int(counts.sum()), int(counts[at])
    counts[at] = 0
    other = int(counts.argmax())
    share = f"{100 * right / total:.1f}" if total else ""
    taken = f"{labels[other]} ({counts[other]})" if counts[other] else ""
    return name, labels[at], str(total), share, taken


def _variant(device: str, row: Contender, chosen: Mapping[str, str]) -> Row:
    share = "" if row.top1 is None else f"{100 * row.top1.value:.2f}"
    took = "" if row.latency_ms is None else f"{row.latency_ms:.3g}"
    said = "chosen" if chosen.get(device) == row.variant else ""
    best = "nothing beats it" if row.is_best else ""
    marks = ", ".join(one for one in (said, best) if one)
    return device, row.variant, share, took, str(row.size_bytes), marks

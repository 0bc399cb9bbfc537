"""The report of one run of a recipe: what was wanted, what came, and what it cost."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from models import keys, machine
from models.recipes.bar import Finding
from models.recipes.compare import Contender, compare, contender
from models.recipes.doubts import doubts
from models.recipes.engine import Result
from models.recipes.measurements import measured_section
from models.recipes.page import Row, Section, html, markdown
from models.recipes.told import drawn, step_sections
from models.workshop import Workshop

_OUTCOMES = {
    "clears": "yes, the whole interval",
    "open": "not decided: the interval lies on both sides",
    "below": "no",
}


def write(workshop: Workshop, result: Result, folder: Path) -> Path:
    """Write report.md, report.html and their pictures; return the Markdown file."""
    folder.mkdir(parents=True, exist_ok=True)
    title = f"{result.plan.recipe.id}: {result.plan.recipe.title}"
    sections = list(_sections(workshop, result, folder))
    page = folder / "report.md"
    page.write_text(markdown(title, sections), encoding="utf-8")
    try:
        (folder / "report.html").write_text(html(title, sections), encoding="utf-8")
    except ImportError:  # Markdown says the same
        (folder / "report.html").unlink(missing_ok=True)
    return page


def _sections(workshop: Workshop, result: Result, folder: Path) -> Iterator[Section]:
    recipe = result.plan.recipe
    stored = f"stored as {recipe.model} {recipe.variant}"
    verdict = "below its bar, not stored" if result.refused else stored
    yield Section(
        "Verdict",
        (
            f"{verdict[0].upper()}{verdict[1:]}.",
            _judged_how(result),
            *(f"{doubt}." for doubt in doubts(result.judged.quality)),
        ),
        ("wanted", "got", "clears"),
        [_finding(finding) for finding in result.findings],
    )
    yield from _left_out(workshop, result)
    yield measured_section(result.judged)
    yield from _costs(workshop, result, folder)
    for number, piece in enumerate(result.pieces, start=1):
        name = f"Step {number}: {result.plan.steps[number - 1].step.step}"
        yield from step_sections(name, number, piece.facts, folder)
    yield _changes(workshop, result)
    yield Section(
        "How it was made", (), ("what", "value"), _provenance(workshop, result)
    )


def _judged_how(result: Result) -> str:
    told = (
        "Measured numbers are judged on their 95% interval: "
        + {
            "overlaps": "refused when all of it is beyond the bar.",
            "inside": "accepted when all of it is within the bar.",
        }[result.plan.recipe.bar.judged]
    )
    return told


TIMES = "Each time is from the variant's own card, measured when it was made."


def _left_out(workshop: Workshop, result: Result) -> Iterator[Section]:
    recipe = result.plan.recipe
    if not recipe.data.skip_broken:
        return
    names = dict.fromkeys(
        [*recipe.datasets(), *(fact.dataset for fact in result.judged.quality)]
    )
    rows = [(name, file) for name in names for file in workshop.readable.broken(name)]
    if rows:
        told = ("These could not be read.",)
        yield Section("Photos left out", told, ("dataset", "file"), rows)


def _finding(finding: Finding) -> Row:
    return finding.wanted, finding.got, _OUTCOMES[finding.outcome]


def _costs(workshop: Workshop, result: Result, folder: Path) -> Iterator[Section]:
    recipe = result.plan.recipe
    spec = workshop.require(recipe.model)
    cards = workshop.store.variants(spec.id, spec.version)
    first = result.judged.quality[0].dataset if result.judged.quality else None
    own = contender(recipe.model, recipe.variant, result.judged, first)
    others = [card for card in cards if card.variant != recipe.variant]
    rows = compare(others, first, [own])
    if len(rows) < 2 or first is None:
        return
    refused = recipe.variant if result.refused else None
    head = ("variant", "top-1 %", "ms", "MB", "nothing beats it")
    picture = drawn(folder / "costs.png", "costs", rows, refused)
    cells = [_contender(row) for row in rows]
    yield Section("Beside the other variants", (TIMES,), head, cells, picture)


def _contender(row: Contender) -> Row:
    return (
        row.variant,
        "" if row.top1 is None else f"{100 * row.top1.value:.2f}",
        "" if row.latency_ms is None else f"{row.latency_ms:.2f}",
        f"{row.size_bytes / 1e6:.2f}",
        "yes" if row.is_best else "",
    )


def _changes(workshop: Workshop, result: Result) -> Section:
    """The answers that changed most often against the reference."""
    recipe = result.plan.recipe
    spec = workshop.require(recipe.model)
    labels: list[str] = []
    if spec.labels is not None:
        text = (workshop.catalogue.root / spec.labels).read_text(encoding="utf-8")
        labels = text.splitlines()
    rows = [
        (
            one.dataset,
            _label(labels, one.before),
            _label(labels, one.after),
            str(one.photos),
            str(one.right_before),
            str(one.right_after),
        )
        for one in result.judged.changes
    ]
    head = ("dataset", "was", "is now", "photos", "were right", "are right")
    told = () if rows else ("Every answer is the reference's, or there is none.",)
    return Section("Answers that changed most", told, head, rows)


def _label(labels: Sequence[str], index: int) -> str:
    return labels[index] if index < len(labels) else str(index)


def _provenance(workshop: Workshop, result: Result) -> list[Row]:
    plan = result.plan
    spec = workshop.require(plan.recipe.model)
    rows = [("recipe", plan.recipe.id), ("seed", str(plan.recipe.seed))]
    if spec.weights is not None:
        rows.append(("weights", f"{spec.weights.uri} {spec.weights.sha256}"))
    rows.append(("source", plan.source_key))
    rows += [(f"step {step.step.step}", step.key) for step in plan.steps]
    rows += [(f"data {f.dataset}", f.dataset_sha256) for f in result.judged.quality]
    tools = sorted({name for step in plan.steps for name in step.entry.tools})
    versions = keys.tool_versions(tools)
    rows += [(name, version) for name, version in versions.items()]
    return [*rows, *((f"machine {k}", v) for k, v in machine.describe().items())]

"""`headwater models gc | verify | choose`: look after the store and explain choices."""

from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from configs.catalogue import Catalogue, load_catalogue, packaged_catalogue
from configs.environment import load_environment
from configs.errors import ConfigError
from configs.pipeline import AUTO, MemberSpec
from models.choice import Candidate, assess, wanted
from models.store import Store
from serve_app.cli.console import bars, console, say

app = typer.Typer()

COLOURS = {"ok": "green", "note": "yellow", "damaged": "red"}


@app.command()
def gc(
    cards: Annotated[
        bool,
        typer.Option(help="Remove variants that the catalogue does not name as well."),
    ] = False,
    dry_run: Annotated[
        bool, typer.Option(help="Print what would go, and remove nothing.")
    ] = False,
    grace_s: Annotated[
        float,
        typer.Option(
            min=0, help="Keep what is younger; a build may be about to name it."
        ),
    ] = 24 * 3600.0,
) -> None:
    """Remove stored files that no variant and no running deployment names."""
    from models import collect

    store, catalogue = Store(load_environment().store), _catalogue() if cards else None
    work = collect.find if dry_run else collect.remove
    garbage = work(store, catalogue, grace_s)
    for one in garbage:
        name = one.file.relative_to(store.root)
        say(f"{name}  {one.size_bytes / 1e6:.1f} MB  {one.reason}")
    size_mb = sum(one.size_bytes for one in garbage) / 1e6
    word = "would be removed" if dry_run else "removed"
    say(f"{len(garbage)} files, {size_mb:.1f} MB, {word}")


@app.command()
def verify() -> None:
    """Hash the whole store again, ask each variant again; exit code 1 on any damage."""
    from models.verify import verify as check

    table = Table("what", "check", "state", "", box=None)
    damaged = 0
    with bars() as progress:
        for finding in check(Store(load_environment().store), progress):
            damaged += finding.state == "damaged"
            state = f"[{COLOURS[finding.state]}]{finding.state}[/]"
            table.add_row(finding.name, finding.check, state, escape(finding.text))
    console.print(table)
    say(f"{damaged} damaged" if damaged else "nothing is damaged")
    if damaged:
        raise typer.Exit(1)


@app.command()
def choose(
    pipeline: Annotated[str, typer.Argument(help="An id of the catalogue.")],
    measure: Annotated[
        bool,
        typer.Option(help="Time variants here that were timed on other machines only."),
    ] = False,
) -> None:
    """Explain which variant each member of a pipeline is served in; 1: none clears."""
    from models import machine

    catalogue, store = _catalogue(), Store(load_environment().store)
    spec = catalogue.pipelines.get(pipeline)
    if spec is None:
        reason = f"is not in the catalogue: {sorted(catalogue.pipelines)}"
        raise ConfigError(catalogue.root / "pipelines", pipeline, reason)
    here, undecided = machine.kind(machine.describe()), 0
    for member in spec.ensemble.members:
        model = catalogue.models[member.model]
        if member.variant != AUTO:
            say(f"{model.id}: {member.variant or model.variant}, as it is written")
            continue
        found = assess(store, model, member, here)
        if measure:
            _time_here(catalogue, store, found)
            found = assess(store, model, member, here)
        undecided += not _explain(model.id, member, found)
    if undecided:
        raise typer.Exit(1)


def _explain(model: str, member: MemberSpec, found: list[Candidate]) -> bool:
    """Print the candidates of one member; whether one of them clears."""
    clears = bool(found) and not found[0].refusal
    chosen = found[0].card.variant if clears else "no variant clears"
    say(f"{model}: {chosen}; wanted: {wanted(member)}; the fastest, then the smallest")
    table = Table("", "variant", "ms a run", "MB", "why", box=None)
    for one in found:
        latency = f"{one.latency.p50_ms:.1f}" if one.latency else "?"
        elsewhere = "" if one.measured_here else " (another kind of machine)"
        table.add_row(
            "→" if clears and one is found[0] else "",
            one.card.variant,
            latency + elsewhere,
            f"{one.size_bytes / 1e6:.1f}",
            escape(one.refusal) or "clears",
        )
    console.print(table)
    return clears


def _time_here(catalogue: Catalogue, store: Store, found: list[Candidate]) -> None:
    """Time, in turns, what was timed elsewhere only."""
    from models import machine, timing
    from models.measure import measure_together

    cards = [c.card for c in found if not c.measured_here and c.card.form == "onnx"]
    if not cards:
        return
    files = [store.file(card.model_file) for card in cards]
    with bars() as progress:
        spec = catalogue.models[cards[0].model]
        measured = measure_together(files, spec, progress)
    for card, latency in zip(cards, measured, strict=True):
        timing.keep(store, card, latency, machine.describe())


def _catalogue() -> Catalogue:
    return load_catalogue(load_environment().catalogue or packaged_catalogue())

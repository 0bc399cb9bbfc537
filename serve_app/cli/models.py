"""`headwater models`: make, list, show and measure the models of the catalogue."""

import shutil
import subprocess
from collections.abc import Sequence
from datetime import datetime, timezone
from importlib.metadata import version
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from configs.catalogue import load_catalogue, packaged_catalogue
from configs.environment import load_environment
from models.card import Card, EnsembleCard
from models.progress import Progress, silent
from models.remote import open_remote
from models.store import Store
from models.workshop import Workshop
from serve_app.cli import fit as fit_command
from serve_app.cli import prefer as prefer_command
from serve_app.cli import store as store_command
from serve_app.cli.console import bars, console, say

app = typer.Typer(
    no_args_is_help=True,
    help="Make models from their sources, and show what they are and how they do.",
)
app.add_typer(store_command.app)
app.add_typer(fit_command.app)
app.add_typer(prefer_command.app)


@app.command()
def build(
    models: Annotated[
        list[str] | None, typer.Argument(help="Ids to bring up to date; none: all.")
    ] = None,
) -> None:
    """Fetch, convert, quantize, measure and store what is not up to date."""
    from models.build import build as bring_up_to_date

    with bars() as progress:
        built = list(bring_up_to_date(_workshop(progress), models or ()))
    for one in built:
        console.print(f"{'built' if one.fresh else 'ready'}  {_title(one.card)}")
        if isinstance(one.card, EnsembleCard):
            for note in _notes(one.card, one.fresh):
                say(f"       note: {note}")


@app.command(name="list")
def list_models() -> None:
    """List the models of the catalogue and their stored variants."""
    workshop = _workshop()
    columns = ("model", "version", "variant", "top-1", "agrees", "MB", "ms a photo")
    table = Table(*columns, box=None)
    for spec in workshop.catalogue.models.values():
        cards = [card for card in workshop.store.cards() if card.model == spec.id]
        for card in cards:
            table.add_row(*_summary(card))
        if not cards:
            table.add_row(spec.id, str(spec.version), "[dim]not built[/]")
    console.print(table)


@app.command()
def show(
    name: Annotated[str, typer.Argument(help="A model or a pipeline.")],
) -> None:
    """Show the cards of one model or of one pipeline's fitted ensemble, as JSON."""
    workshop = _workshop()
    if name in workshop.catalogue.pipelines:
        found: Sequence[Card | EnsembleCard] = [workshop.store.ensemble(name)]
    else:
        spec = workshop.require(name)
        stored = [card for card in workshop.store.cards() if card.model == spec.id]
        found = stored or [workshop.store.card(spec.id, spec.version, spec.variant)]
    for card in found:
        console.print_json(card.model_dump_json())


@app.command()
def compare(
    model: Annotated[
        str | None, typer.Argument(help="A model; none: every model of the store.")
    ] = None,
    data: Annotated[
        str | None, typer.Option(help="Dataset to compare on; none: each one's first.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False,
    plot: Annotated[
        Path | None, typer.Option(help="Draw accuracy over time and size to this PNG.")
    ] = None,
) -> None:
    """Compare stored variants; marked are those that no other one beats."""
    from serve_app.cli.comparison import show as show_comparison

    workshop = _workshop()
    if model is not None:
        workshop.require(model)
    cards = [card for card in workshop.store.cards() if model in (None, card.model)]
    show_comparison(cards, data, as_json, plot)


@app.command()
def evaluate(
    data: Annotated[
        list[Path],
        typer.Option(
            help="A folder of photos with labels.csv (columns file, class_index); "
            "may be given more than once."
        ),
    ],
    markdown: Annotated[
        Path | None,
        typer.Option(help="Write the tables into this page, between its marks."),
    ] = None,
) -> None:
    """Judge every stored variant and ensemble on labelled photos."""
    from models import report
    from models.datasets import open_folder
    from models.survey import survey

    with bars() as progress:
        workshop = _workshop(progress)
        surveys = [survey(workshop, open_folder(folder)) for folder in data]
    tables = report.markdown(surveys, _circumstances())
    if markdown is None:
        console.print(tables, markup=False)
        return
    page = markdown.read_text(encoding="utf-8") if markdown.is_file() else ""
    markdown.write_text(report.into_page(page, tables), encoding="utf-8")
    console.print(f"wrote {markdown}")


def _workshop(progress: Progress = silent) -> Workshop:
    environment = load_environment()
    catalogue = load_catalogue(environment.catalogue or packaged_catalogue())
    store, cache = Store(environment.store), environment.home / "cache"
    remote = open_remote(environment.remote_store)
    return Workshop(catalogue, store, cache, progress, remote)


def _title(card: Card | EnsembleCard) -> str:
    if isinstance(card, Card):
        size_mb = card.model_file.size_bytes / 1e6
        return f"{card.model} {card.variant} ({size_mb:.1f} MB)"
    weights = ", ".join(
        f"{name} {weight:.3f}"
        for name, weight in zip(card.members, card.weights, strict=True)
    )
    return f"ensemble of {card.pipeline}: {weights}"


def _notes(card: EnsembleCard, fresh: bool) -> Sequence[str]:
    """What the fit warned of, and on which photos it is when somebody has chosen them."""
    told = list(card.warnings) if fresh else []
    if card.by_command:
        told.append(f"fitted on {card.fitted_on}, as `headwater models fit --on` chose")
    return told


def _summary(card: Card) -> tuple[str, ...]:
    quality = card.quality[0] if card.quality else None
    agreement = quality.agreement if quality else None
    single = next((fact for fact in card.latency if fact.batch_size == 1), None)
    prefers = f", prefers {card.prefers.runtime}" if card.prefers else ""
    return (
        card.model,
        str(card.version),
        f"{card.variant}{prefers}",
        f"{quality.top1.value:.1%} of {quality.top1.n}" if quality else "",
        f"{agreement.value:.1%}" if agreement else "",
        f"{card.model_file.size_bytes / 1e6:.1f}",
        f"{single.p50_ms:.1f}" if single else "",
    )


def _circumstances() -> dict[str, str]:
    from models.machine import describe

    machine = describe()
    return {
        "headwater": f"{version('headwater')} ({_commit()})",
        "onnxruntime": version("onnxruntime"),
        "on": f"{machine['cpu']}, {machine['cores']} cores, INT8 {machine['int8']}",
        "at": f"{datetime.now(tz=timezone.utc):%Y-%m-%d}",
    }


def _commit() -> str:
    git = shutil.which("git")
    if git is None:
        return "commit unknown"
    here = str(Path(__file__).parent)
    asked = [git, "-C", here, "describe", "--always", "--dirty"]
    told = subprocess.run(asked, capture_output=True, text=True, check=False)  # noqa: S603 (fixed arguments)
    return told.stdout.strip() or "commit unknown"

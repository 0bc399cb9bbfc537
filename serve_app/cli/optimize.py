"""`headwater optimize`: from a recipe to a verified variant."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape
from rich.table import Table

from configs.catalogue import Catalogue, load_catalogue, packaged_catalogue
from configs.environment import Environment, load_environment
from models.errors import BelowBar
from models.progress import Progress, silent
from models.remote import open_remote
from models.store import Store
from models.workshop import Workshop
from serve_app.cli.console import bars, console, say

if TYPE_CHECKING:  # whoever only wants `--help` does not wait for ONNX Runtime
    from models.card import Card
    from models.recipes.engine import Engine, Result
    from models.recipes.plan import Plan

INTERRUPTED = 130
"""What a shell answers for a command that Ctrl-C ended."""


def optimize(
    recipe: Annotated[str, typer.Argument(help="A recipe of the catalogue.")],
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Print the plan and make nothing.")
    ] = False,
    report: Annotated[
        Path | None,
        typer.Option(help="Folder of the report; none: HOME/reports/RECIPE."),
    ] = None,
    force: Annotated[
        bool, typer.Option("--force", help="Make every step again.")
    ] = False,
    data: Annotated[
        list[Path] | None,
        typer.Option(
            help="Judge on this folder of photos with labels.csv (columns file, "
            "class_index) instead; may be given more than once."
        ),
    ] = None,
) -> None:
    """Run a recipe; what is already made is not made again.

    Exit code 0: the variant is stored; 1: it is below its bar, or a step failed;
    2: the command was not understood.
    """
    environment = load_environment()
    catalogue = _catalogue(environment, recipe, data or [])
    if dry_run:
        _show(open_engine(environment, catalogue).plan(recipe))
        return
    with resumable(f"optimize {recipe}"), bars() as progress:
        engine = open_engine(environment, catalogue, progress)
        engine.prepare(recipe)
        if force:
            engine.forget(recipe)
        plan = engine.plan(recipe)
        card = None if force else engine.found(plan)
        result = engine.carry_out(plan) if card is None else None
    if result is not None:
        _tell(environment, catalogue, result, report)
    elif card is not None:
        say(f"ready   {card.model} {card.variant} ({_megabytes(card)})")
        say("its steps and report are not on this machine; --force makes them")


def _catalogue(environment: Environment, recipe: str, data: list[Path]) -> Catalogue:
    catalogue = load_catalogue(environment.catalogue or packaged_catalogue())
    if recipe not in catalogue.recipes:
        known = ", ".join(catalogue.recipes) or "none"
        raise typer.BadParameter(f"{recipe} is not in the catalogue, which has {known}")
    from models.recipes.photos import judged_on

    return judged_on(catalogue, recipe, data) if data else catalogue


def _workshop(
    environment: Environment, catalogue: Catalogue, progress: Progress = silent
) -> Workshop:
    store, cache = Store(environment.store), environment.home / "cache"
    remote = open_remote(environment.remote_store)
    return Workshop(catalogue, store, cache, progress, remote)


def open_engine(
    environment: Environment, catalogue: Catalogue, progress: Progress = silent
) -> "Engine":
    """What runs the recipes of `catalogue` in the workshop of this installation."""
    from models.recipes.engine import Engine
    from models.steps.registry import TOOLBOX

    workshop = _workshop(environment, catalogue, progress)
    return Engine(workshop, TOOLBOX, environment.workshop)


@contextmanager
def resumable(command: str) -> Iterator[None]:
    """Ctrl-C says how `command` goes on, and ends it."""
    try:
        yield
    except KeyboardInterrupt:
        say(f"stopped; `headwater {command}` goes on with what is missing")
        raise typer.Exit(INTERRUPTED) from None


def _megabytes(card: "Card") -> str:
    return f"{sum(fact.size_bytes for fact in card.stored().values()) / 1e6:.1f} MB"


def _show(plan: "Plan") -> None:
    recipe = plan.recipe
    table = Table("step", "piece", "", title=escape(recipe.title), box=None)
    table.add_row("source", plan.source_key[:12], "")
    for planned in plan.steps:
        state = "ready" if planned.done else "to make"
        table.add_row(planned.step.step, planned.key[:12], state)
    console.print(table)
    say(f"variant {recipe.model} {recipe.variant}, seed {recipe.seed}")
    said = recipe.bar.model_dump(exclude_none=True, mode="json")
    say("bar: " + ", ".join(f"{name} {value}" for name, value in said.items()))


def _tell(
    environment: Environment,
    catalogue: Catalogue,
    result: "Result",
    folder: Path | None,
) -> None:
    """Write the report and say what came; BelowBar if nothing was stored."""
    from models.recipes import report
    from models.recipes.doubts import doubts

    recipe = result.plan.recipe
    workshop = _workshop(environment, catalogue)
    page = report.write(workshop, result, folder or environment.reports / recipe.id)
    say(f"report {page}")
    for found in result.findings:
        say(f"{found.outcome:<7} {found.wanted}: {found.got}")
    for doubt in doubts(result.judged.quality):
        say(f"doubt   {doubt}")
    if result.refused:
        first = result.refused[0]
        raise BelowBar(recipe.model, recipe.variant, first.wanted, first.got)
    made = "stored" if result.fresh else "ready "
    size_mb = result.judged.size_bytes / 1e6
    say(
        f"{made}  {recipe.model} {recipe.variant} ({size_mb:.1f} MB){_left_open(result)}"
    )


def _left_open(result: "Result") -> str:
    """What the word `stored` must not hide."""
    count = sum(found.outcome == "open" for found in result.findings)
    told = f"{count} of {len(result.findings)} wishes of its bar"
    return f", though its rows do not decide {told}" if count else ""

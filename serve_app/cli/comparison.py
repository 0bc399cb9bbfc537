"""What `headwater models compare` prints and draws."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from pydantic import BaseModel
from rich.table import Table

from models.card import Card
from models.errors import BuildFailed
from models.recipes.compare import Contender, compare
from models.recipes.told import drawn
from models.recipes.toolbox import missing
from serve_app.cli.console import console, say


def show(
    cards: Sequence[Card], dataset: str | None, as_json: bool, plot: Path | None
) -> None:
    """Print `cards` side by side, as a table or JSON, and draw them if asked.

    Raises:
        BuildFailed: there is nothing to draw with.
    """
    rows = compare(cards, dataset)
    if as_json:
        console.print_json(json.dumps([asdict(row) for row in rows], default=_plain))
    else:
        console.print(_table(rows))
    if plot is None:
        return
    if drawn(plot, "costs", rows, None) is None:
        absent = ImportError(name="matplotlib")
        raise BuildFailed("compare", "plot", missing(absent, "build"))
    if not as_json:
        say(f"wrote {plot}")


def _table(rows: Sequence[Contender]) -> Table:
    table = Table(
        "", "model", "variant", "top-1", "points lost", "ms a photo", "MB", box=None
    )
    for row in rows:
        table.add_row(
            "*" if row.is_best else "",
            row.model,
            row.variant,
            f"{row.top1.value:.1%} of {row.top1.n}" if row.top1 else "",
            f"{row.drop_points.value:+.2f}" if row.drop_points else "",
            "" if row.latency_ms is None else f"{row.latency_ms:.1f}",
            f"{row.size_bytes / 1e6:.1f}",
        )
    table.caption = "*: no other variant of the model is as right, as fast and as small"
    return table


def _plain(value: object) -> object:
    assert isinstance(value, BaseModel)  # noqa: S101 rows hold nothing else
    return value.model_dump()

"""What a step told, as sections of a report: numbers, tables, curves and layers.

A list of mappings is a table; one with `epoch` is drawn as curves as well, and
`sensitivity` (each with `layer` and one number) as bars.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from importlib import import_module
from pathlib import Path

from models.recipes.page import Row, Section

MOST_ROWS, LONGEST_CELL = 40, 160
OVER = "epoch"


def step_sections(
    title: str, number: int, facts: Mapping[str, object], folder: Path
) -> Iterator[Section]:
    """One section for the plain facts of a step, and one for each table."""
    tables = {name: rows for name, value in facts.items() if (rows := _table(value))}
    plain = [(words(k), cell(v)) for k, v in facts.items() if k not in tables]
    if plain:
        yield Section(title, (), ("fact", "value"), plain)
    for name, rows in tables.items():
        picture = _picture(name, rows, folder / f"step-{number}-{name}.png")
        head = list(dict.fromkeys(key for row in rows for key in row))
        cells: list[Row] = [[cell(row.get(key)) for key in head] for row in rows]
        more = len(cells) - MOST_ROWS
        told = (f"The first {MOST_ROWS} of {len(cells)}.",) if more > 0 else ()
        heads = [words(key) for key in head]
        yield Section(
            f"{title}: {words(name)}", told, heads, cells[:MOST_ROWS], picture
        )


def drawn(target: Path, plot: str, *arguments: object) -> str | None:
    """Draw `plot` of `models.recipes.plots` to `target`; None where nothing can draw."""
    try:
        plots = import_module("models.recipes.plots")
    except ImportError:
        return None
    getattr(plots, plot)(*arguments, target)
    return target.name


def cell(value: object) -> str:
    """A fact in few characters."""
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:.5g}"
    if isinstance(value, str | int):
        return str(value)
    if isinstance(value, Mapping) and {"value", "low", "high"} <= set(value):
        low, high = (f"{value[end]:.4g}" for end in ("low", "high"))
        return f"{value['value']:.4g} ({low} to {high})"
    text = json.dumps(value, default=str)
    return text if len(text) <= LONGEST_CELL else text[: LONGEST_CELL - 1] + "…"


def words(name: str) -> str:
    """A key of a fact as people read it."""
    return name.replace("_", " ")


def _table(value: object) -> list[Mapping[str, object]]:
    if not isinstance(value, list | tuple):
        return []
    rows = [one for one in value if isinstance(one, Mapping)]
    return rows if len(rows) == len(value) else []


def _picture(
    name: str, rows: Sequence[Mapping[str, object]], target: Path
) -> str | None:
    if name == "sensitivity":
        unit = next((k for k, v in rows[0].items() if _is_number(v)), None)
        if unit is None or "layer" not in rows[0]:
            return None
        bars = {str(r["layer"]): r[unit] for r in rows if _is_number(r.get(unit))}
        return drawn(target, "layers", bars, words(unit)) if bars else None
    if OVER in rows[0] and len(rows) > 1:
        numbers = [{k: v for k, v in row.items() if _is_number(v)} for row in rows]
        return drawn(target, "curves", numbers, OVER)
    return None


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)

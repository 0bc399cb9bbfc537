"""`headwater autoscale explain`: why a deployment has the replicas it has."""

import json
from collections.abc import Sequence
from datetime import datetime, timezone
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from configs.environment import load_environment
from deployments.autoscaling.live.explain import History, history, since_s
from deployments.autoscaling.live.explain_plot import draw
from deployments.autoscaling.live.journal import Line
from serve_app.cli.console import console, errors

SHOWN = 20
"""The newest changes and starts; `--json` shows all."""


def explain(
    deployment: Annotated[str, typer.Argument(help="Its name, like ingress.")],
    since: Annotated[
        str, typer.Option(help="90s, 10m, 2h, 3d, or an ISO time (UTC).")
    ] = "1h",
    as_json: Annotated[
        bool, typer.Option("--json", help="Print every line of the journal.")
    ] = False,
    plot: Annotated[
        Path | None, typer.Option(help="Write replicas, load and forecast to this PNG.")
    ] = None,
) -> None:
    """Why a deployment has the replicas it has, and which decision ordered each."""
    told = told_of(deployment, since)
    if as_json:
        for line in sorted(
            [*told.decisions, *told.starts], key=lambda one: one["at_s"]
        ):
            typer.echo(json.dumps(line))
    else:
        _print(told)
    if plot is not None:
        draw(told, plot)
        errors.print(f"wrote {plot}")


def told_of(deployment: str, since: str) -> History:
    """What the journals of this installation say of a deployment.

    Raises:
        NothingDecided: they say nothing.
        SinceUnclear: `since` is no span and no time.
    """
    root = load_environment().home / "autoscaling"
    folders = sorted(one for one in root.glob("*") if one.is_dir())
    now_s = datetime.now(tz=timezone.utc).timestamp()
    return history(folders, deployment, since_s(since, now_s))


def _print(told: History) -> None:
    for title, table in (
        ("Decisions, where they changed", _decisions(told.changes[-SHOWN:])),
        ("Starts, and what ordered them", _starts(told.starts[-SHOWN:])),
    ):
        if table.row_count:
            console.print(f"[bold]{title}[/]")
            console.print(table)
    if told.decisions:
        console.print(_now(told))


def _decisions(lines: Sequence[Line]) -> Table:
    table = Table(
        "UTC", "replicas", "reason", "reactive", "came/s", "forecast/s", "quantile/s",
        "one serves/s", "start s", "ready", box=None,
    )  # fmt: skip
    for line in lines:
        table.add_row(
            _clock(line["at_s"]),
            str(line["replicas"]) + ("" if line.get("acts", True) else " (shadow)"),
            line["reason"],
            str(line["reactive"]),
            _number(line.get("arrivals_per_s")),
            _number(line.get("point")),
            f"{_number(line.get('quantile'))} ({100 * (line.get('alpha') or 0):.1f}%)",
            _number(line.get("per_replica")),
            _number(line.get("start_s")),
            f"{line['ready']} of {line['target']}",
        )
    return table


def _starts(lines: Sequence[Line]) -> Table:
    table = Table(
        "ready, UTC", "replica", "ordered by", "reason", "to", "at", "took s",
        "of it loading", box=None,
    )  # fmt: skip
    for line in lines:
        table.add_row(
            _clock(line["at_s"]),
            line["replica"],
            line["cause"],
            line["reason"] or "-",
            str(line["replicas"]),
            _clock(line["ordered_at_s"]),
            _number(line["took_s"]),
            _number(line.get("load_s")),
        )
    return table


def _now(told: History) -> str:
    last = told.decisions[-1]
    acts = last.get("acts", True)
    ours, had = told.replica_seconds("replicas"), told.replica_seconds("target")
    lines = [
        f"{told.name}: {last['replicas']} replicas ({last['reason']}); in "
        f"{_number(last.get('start_s'))} s {_number(last.get('point'))} requests/s are "
        f"expected, at most {_number(last.get('quantile'))} with "
        f"{100 * (last.get('alpha') or 0):.1f}%; one replica serves "
        f"{_number(last.get('per_replica'))}/s; a reactive rule would hold "
        f"{last['reactive']}",
        f"replica-seconds: {had:.0f} had, {ours:.0f} decided, "
        f"{told.replica_seconds('reactive'):.0f} of a reactive rule",
    ]
    if not acts:
        lines.append("it only watches (shadow): Ray's own rule decides what runs")
    return "\n".join(lines)


def _clock(at_s: float) -> str:
    at = datetime.fromtimestamp(at_s, tz=timezone.utc)
    return at.isoformat(sep=" ", timespec="seconds").removesuffix("+00:00")


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}".rstrip("0").rstrip(".")

"""`headwater autoscale`: try autoscaling on recorded arrivals; ask why it decided so."""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from deployments.autoscaling.errors import PolicyUnknown
from deployments.autoscaling.live.explain import measured
from deployments.autoscaling.prior import packaged_priors
from deployments.autoscaling.replay.plot import draw
from deployments.autoscaling.replay.runner import (
    COMPARED,
    POLICIES,
    Case,
    Outcome,
    Told,
    replay,
)
from deployments.autoscaling.replay.trace import MeasuredTrace, Trace, read_trace
from serve_app.cli.console import console, errors
from serve_app.cli.explain import explain, told_of

MOST_START_S = 600

app = typer.Typer(
    no_args_is_help=True,
    help="Try autoscaling on recorded arrivals; ask why it decided so.",
)
app.command()(explain)


@app.callback()
def root() -> None:
    """Try autoscaling on recorded arrivals; ask why it decided so."""


@app.command(name="replay")
def replay_trace(
    trace: Annotated[
        Path,
        typer.Argument(
            help="An .npz with rps, requests in each second, and resolution_s."
        ),
    ],
    policy: Annotated[
        str, typer.Option(help=f"all, or one of {', '.join(POLICIES)}.")
    ] = "headwater",
    cold_start: Annotated[
        str,
        typer.Option(
            help="Seconds a replica takes to start, 1 to 600; or a deployment: replicas "
            "as its own were measured here today."
        ),
    ] = "10",
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON object a policy.")
    ] = False,
    plot: Annotated[
        Path | None, typer.Option(help="Write violations over cost to this PNG.")
    ] = None,
) -> None:
    """Replay a trace: whom a policy lets wait, and what it costs beside hindsight.

    The first 3 days (4 hours of a one-day, 10 minutes of a one-hour trace) are served
    but not counted. A replay takes about a minute for each recorded day.
    """
    chosen = COMPARED if policy == "all" else (policy,)
    if not set(chosen) <= set(POLICIES):
        raise PolicyUnknown(policy, ("all", *POLICIES))
    case = _case(read_trace(trace), cold_start)
    outcomes = []
    for name in chosen:
        with _bar(name) as told:
            outcomes.append(replay(case, name, packaged_priors(), told))
        if as_json:
            typer.echo(json.dumps(outcomes[-1].as_dict()))
    if not as_json:
        console.print(_table(case, outcomes))
    if plot is not None:
        draw(outcomes, plot)
        errors.print(f"wrote {plot}")


def _case(trace: Trace, cold_start: str) -> Case:
    if cold_start.isdigit():
        if not 1 <= int(cold_start) <= MOST_START_S:
            raise typer.BadParameter(f"--cold-start must be 1 to 600, got {cold_start}")
        return Case(trace, int(cold_start))
    known = measured(told_of(cold_start, "1d"))
    as_there = MeasuredTrace(
        trace.name, trace.arrivals, known.per_replica, known.service_s
    )
    return Case(as_there, max(1, round(known.start_s)))


@contextmanager
def _bar(name: str) -> Iterator[Told]:
    """A bar on the error stream while a policy is replayed; the answer stays clean."""
    columns = (TextColumn("{task.description}"), BarColumn(), TimeRemainingColumn())
    hidden = not errors.is_terminal
    with Progress(*columns, console=errors, transient=True, disable=hidden) as progress:
        task = progress.add_task(name, total=None)

        def told(done_s: int, total_s: int) -> None:
            progress.update(task, completed=done_s, total=total_s)

        yield told


def _table(case: Case, outcomes: Sequence[Outcome]) -> Table:
    table = Table(
        "policy",
        "late %",
        "cost / hindsight",
        "starts a day",
        "most replicas",
        box=None,
        title=f"{case.trace.name}, starts take {case.start_s} s",
        title_justify="left",
    )
    for one in outcomes:
        table.add_row(
            one.policy,
            f"{one.violations_percent:.3f}",
            f"{one.cost_vs_oracle:.3f}",
            f"{one.starts_per_day:.0f}",
            str(one.peak_replicas),
        )
    return table

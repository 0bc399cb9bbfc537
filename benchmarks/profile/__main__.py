"""`python -m benchmarks.profile`: where the CPU of a request goes inside a replica."""

import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated

import typer
import uvloop
import yaml

from benchmarks import payloads
from benchmarks.contenders import Subject, Work, headwater
from benchmarks.profile.ladder import BARE, Rung, climb, parts_us
from benchmarks.profile.servers import Rounds
from configs.catalogue import load_catalogue, packaged_catalogue
from configs.environment import load_environment
from deployments.blueprint import draw
from deployments.residency import memory
from models.store import Store

ROOT = Path(__file__).parents[2]
MODEL, PIPELINE = "efficientnet-lite0", "vision"

app = typer.Typer(add_completion=False)


@app.command()
def main(
    rounds: Annotated[int, typer.Option(help="How often each takes its turn.")] = 9,
    seconds: Annotated[float, typer.Option(help="How long a turn lasts.")] = 1.0,
    callers: Annotated[int, typer.Option(help="Requests in flight.")] = 8,
    photo: Annotated[
        Path | None, typer.Option(help="Photo to send; default: the demo photo.")
    ] = None,
) -> None:
    """Take the path of a request apart and say what each part costs, in CPU time.

    Needs a built model store. The parts take turns, so another load falls on all alike.
    """
    uvloop.install()
    memory.keep()
    environment = load_environment()
    store = Store(environment.store)
    catalogue = load_catalogue(packaged_catalogue())
    sent = payloads.as_jpeg((photo or environment.home / "cat.png").read_bytes())
    work = Work(draw(catalogue, store, (PIPELINE,)), MODEL, PIPELINE, sent)
    found = {}
    for subject in subjects(work):
        with tempfile.TemporaryDirectory() as scratch:
            asked = Rounds(rounds, seconds, callers)
            found[subject.fact.title] = climb(
                work, subject, environment.store, asked, Path(scratch)
            )
    typer.echo(table(found))


def subjects(work: Work) -> Sequence[Subject]:
    """Every way to ask for the model alone."""
    config = yaml.safe_load((ROOT / "serve_config.yaml").read_text(encoding="utf-8"))
    every = headwater(work, config).subjects
    return [subject for subject in every if subject.fact.group == "model"]


def table(found: Mapping[str, Mapping[str, Rung]]) -> str:
    """A column a way to ask, a row a part; Markdown."""
    columns = [parts_us(rungs) for rungs in found.values()]
    lines = [
        "| CPU µs a request | " + " | ".join(found) + " |",
        "|---|" + "--:|" * len(found),
    ]
    for part in columns[0]:
        lines.append(_line(part, [f"{column[part]:.0f}" for column in columns]))
    rungs = list(found.values())
    wholes = [one["whole"] for one in rungs]
    shares = [one[BARE].total_us / one["whole"].total_us for one in rungs]
    lines += [
        _line("**all**", [f"**{whole.total_us:.0f}**" for whole in wholes]),
        _line("of it on the event loop", [f"{w.loop_us:.0f}" for w in wholes]),
        _line("page faults", [f"{whole.faults:.1f}" for whole in wholes]),
        _line("**the bare model's part**", [f"**{s:.0%}**" for s in shares]),
    ]
    return "\n".join(lines)


def _line(name: str, cells: Sequence[str]) -> str:
    return f"| {name} | " + " | ".join(cells) + " |"


if __name__ == "__main__":
    app()

"""`python -m benchmarks.peers`: measure Headwater beside other model servers."""

import signal
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markdown import Markdown

from benchmarks import machine, payloads
from benchmarks.contenders import Work
from benchmarks.facts import SplitFact
from benchmarks.inside import split_inside
from benchmarks.peers.added import added
from benchmarks.peers.affinity import ours as our_cores
from benchmarks.peers.affinity import pinned, split
from benchmarks.peers.campaign import Comparison
from benchmarks.peers.facts import AddedFact, Layout, PeerResults
from benchmarks.peers.hosts import Host
from benchmarks.peers.lineup import NAMES, Unknown, lineup, pins
from benchmarks.peers.plan import FULL, QUICK, Plan
from benchmarks.peers.render import write_report
from configs.catalogue import load_catalogue, packaged_catalogue
from configs.environment import Environment, load_environment
from configs.errors import ConfigError
from deployments.blueprint import draw as draw_blueprint
from models.errors import ModelError
from models.store import Store

HERE = Path(__file__).parent
MODEL, PIPELINE = "efficientnet-lite0", "vision"
_SPLIT_REQUESTS = 200

app = typer.Typer(add_completion=False)
console = Console(stderr=True)


@dataclass(frozen=True, slots=True)
class Asked:
    """What the command line wants."""

    names: tuple[str, ...]
    plan: Plan
    slos_ms: tuple[float, ...]
    layout: Layout
    photo: Path | None


@app.command()
def main(
    quick: Annotated[bool, typer.Option(help="One short repeat.")] = False,
    output: Annotated[
        Path, typer.Option(help="Folder for the table, the JSON and the plot.")
    ] = HERE.parent / "results",
    only: Annotated[
        list[str] | None, typer.Option(help=f"Contenders: {', '.join(NAMES)}.")
    ] = None,
    slo_ms: Annotated[
        list[float] | None, typer.Option(help="Bounds of p99; default: 100.")
    ] = None,
    layout: Annotated[
        str, typer.Option(help="apart: the client has a core of its own; or shared.")
    ] = "apart",
    repeats: Annotated[
        int | None, typer.Option(help="How often everybody is measured.", min=1)
    ] = None,
    photo: Annotated[
        Path | None, typer.Option(help="Photo to send; default: the demo photo.")
    ] = None,
) -> None:
    """Find the highest Poisson rate at which each server keeps p99 within a bound.

    Needs a built model store and a quiet machine. Makes an environment for each peer on
    first use, starts the servers one after another on loopback ports and ends them.
    """
    plan = QUICK if quick else FULL
    asked = Asked(
        names=tuple(only or NAMES),
        plan=plan.model_copy(update={"repeats": repeats or plan.repeats}),
        slos_ms=tuple(slo_ms or (100.0,)),
        layout=_layout(layout),
        photo=photo,
    )
    try:
        results = _compare(asked)
    except (ConfigError, ModelError, Unknown) as error:
        console.print(str(error), style="red", markup=False)
        raise typer.Exit(1) from error
    _save(results, output)


def _compare(asked: Asked) -> PeerResults:
    environment, facts = load_environment(), machine.machine()
    work = _work(environment, asked.photo or environment.home / "cat.png")
    servers, client = split(our_cores(), asked.layout)
    workers = max(1, len(our_cores()) - 1)
    hosts, missing = lineup(environment, work, asked.names, workers, _tell_progress)
    # First, for it is short: what fails in this process fails in a cluster as well.
    with pinned(servers):
        inside = _inside(work, hosts, asked.plan)
    # The clusters make sockets below it: a long path would not fit.
    with tempfile.TemporaryDirectory(
        prefix="hp-", dir="/tmp", ignore_cleanup_errors=True
    ) as folder:
        comparison = Comparison(
            work=work,
            plan=asked.plan,
            slos_ms=asked.slos_ms,
            folder=Path(folder),
            servers=servers,
            client=client,
            workers=workers,
            tell=lambda what: console.print(what, markup=False),
        )
        ended_early = _stopped(comparison, hosts)
        logs = _keep_logs(Path(folder), environment.home / "peers")
    console.print(f"Logs of the servers: {logs}", markup=False)
    return PeerResults(
        date=datetime.now(tz=timezone.utc).strftime("%Y-%m-%d"),
        commit=machine.commit(),
        quick=not asked.plan.proof,
        ended_early=ended_early,
        layout=asked.layout,
        slos_ms=asked.slos_ms,
        machine=facts,
        versions={**machine.versions(), **pins()},
        settings=_settings(comparison),
        subjects=tuple(one.fact for host in hosts for one in host.subjects),
        bare=tuple(comparison.bare),
        runs=tuple(comparison.runs),
        absent=(*missing, *comparison.absent),
        added=inside.added,
        splits=inside.splits,
    )


def _stopped(comparison: Comparison, hosts: tuple[Host, ...]) -> bool:
    """Measure everybody; whether somebody ended it before, which keeps what was seen."""
    try:
        comparison.run(hosts)
    except (KeyboardInterrupt, SystemExit):
        console.print("Ended early: what was measured so far is written.")
        return True
    return False


@dataclass(frozen=True, slots=True)
class Inside:
    """What was seen of Headwater in this process."""

    added: tuple[AddedFact, ...] = ()
    splits: tuple[SplitFact, ...] = ()


def _inside(work: Work, hosts: Sequence[Host], plan: Plan) -> Inside:
    """What the server adds, and where; nothing when Headwater takes no part."""
    subjects = [
        subject
        for host in hosts
        for subject in host.subjects
        if subject.fact.role == "headwater"
    ]
    if not subjects:
        return Inside()
    return Inside(
        added(work, subjects, plan.added_requests),
        split_inside(work, subjects, _SPLIT_REQUESTS),
    )


def _settings(comparison: Comparison) -> dict[str, str]:
    work, plan = comparison.work, comparison.plan
    return {
        "model": f"{work.model} {work.blueprint.cards[work.model].variant}",
        "model input": "x".join(map(str, work.tensor().shape)) + " FP32",
        "workers x threads": f"{comparison.workers} x 1",
        "cores of the servers": _cores(comparison.servers),
        "cores of the client": _cores(comparison.client),
        "closed loop": f"{plan.duration_s:g} s after {plan.warmup_s:g} s of warm-up",
        "trial": f"at least {plan.trial_s:g} s and {plan.trial_queries} queries",
        "a trial counts": "LoadGen calls it valid" if plan.proof else "p99 is in time",
        "repeats": str(plan.repeats),
    }


def _cores(cores: frozenset[int]) -> str:
    return ", ".join(map(str, sorted(cores)))


def _work(environment: Environment, photo: Path) -> Work:
    if not photo.is_file():
        raise ConfigError(photo, "", "no such photo; run `make serve` or give --photo")
    catalogue = load_catalogue(environment.catalogue or packaged_catalogue())
    store = Store(environment.store)
    blueprint = draw_blueprint(catalogue, store, [PIPELINE], [MODEL])
    return Work(blueprint, MODEL, PIPELINE, payloads.as_jpeg(photo.read_bytes()))


def _layout(word: str) -> Layout:
    if word == "apart":
        return "apart"
    if word == "shared":
        return "shared"
    raise typer.BadParameter(f"{word!r} is neither 'apart' nor 'shared'")


def _tell_progress(step: str, done: int, total: int) -> None:
    if done == total:
        console.print(step, markup=False)


def _keep_logs(folder: Path, place: Path) -> Path:
    place.mkdir(parents=True, exist_ok=True)
    for log in folder.glob("*/*.log"):
        (place / f"{log.parent.name}-{log.name}").write_bytes(log.read_bytes())
    return place


def _save(results: PeerResults, output: Path) -> None:
    output.mkdir(parents=True, exist_ok=True)
    place = f"{machine.slug(results.machine)}-{results.layout}"
    name = f"{results.date}-peers-{place}" + ("-quick" if results.quick else "")
    stem = output / name
    stem.with_suffix(".json").write_text(results.model_dump_json(indent=1) + "\n")
    Console().print(Markdown(write_report(results, stem)))
    console.print(f"Written: {stem}.md, .json, .png", markup=False)


def _end(signum: int, frame: object) -> None:
    raise SystemExit(128 + signum)  # unwinds, so that the servers end as well


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, _end)
    app()

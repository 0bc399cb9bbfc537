"""`python -m benchmarks`: measure Headwater beside its baselines and write the result."""

import signal
import tempfile
from collections.abc import Callable, Mapping
from datetime import datetime, timezone
from pathlib import Path
from typing import Annotated, Any

import typer
import yaml
from rich.console import Console
from rich.markdown import Markdown
from rich.progress import MofNCompleteColumn, Progress, TimeElapsedColumn

from benchmarks import machine, payloads
from benchmarks.campaign import BARE, Campaign, steps
from benchmarks.child import ChildFailed
from benchmarks.contenders import (
    Contender,
    Shape,
    Work,
    gathered,
    headwater,
    plain,
    shape_of,
)
from benchmarks.facts import Results
from benchmarks.inside import split_inside
from benchmarks.plan import FULL, QUICK, Plan
from benchmarks.probe import WrongAnswer
from benchmarks.render import write_report
from configs.catalogue import load_catalogue, packaged_catalogue
from configs.environment import Environment, load_environment
from configs.errors import ConfigError
from deployments.blueprint import draw as draw_blueprint
from models.errors import ModelError
from models.store import Store
from serve_app.cluster.errors import ClusterError

HERE = Path(__file__).parent
CONTENDERS = ("plain-default", "plain-haproxy", "plain-replicas", "headwater")

app = typer.Typer(add_completion=False)
console = Console(stderr=True)


@app.command()
def main(
    quick: Annotated[bool, typer.Option(help="One short repeat.")] = False,
    output: Annotated[
        Path, typer.Option(help="Folder for the table, the JSON and the plot.")
    ] = HERE / "results",
    only: Annotated[
        list[str] | None,
        typer.Option(help=f"Contenders beside the bare loop: {', '.join(CONTENDERS)}."),
    ] = None,
    photo: Annotated[
        Path | None, typer.Option(help="Photo to send; default: the demo photo.")
    ] = None,
    model: Annotated[str, typer.Option(help="Model measured alone.")] = (
        "efficientnet-lite0"
    ),
    replicas: Annotated[
        int | None,
        typer.Option(help="Ingress replicas; default: those of serve_config.yaml."),
    ] = None,
) -> None:
    """Measure throughput, latency and CPU of Headwater, plain Ray Serve and a bare loop.

    Needs a built model store (`headwater models build`) and a quiet machine. Starts its
    own Ray clusters on ports of their own, one after another, and ends them.
    """
    try:
        results = _measure(
            QUICK if quick else FULL,
            only or list(CONTENDERS),
            photo,
            model,
            _read_config(replicas),
        )
    except (ConfigError, ModelError) as error:
        console.print(str(error), style="red", markup=False)
        raise typer.Exit(1) from error
    _save(results, output)
    if results.failure:
        raise typer.Exit(1)


def _measure(
    plan: Plan,
    chosen: list[str],
    photo: Path | None,
    model: str,
    config: dict[str, Any],
) -> Results:
    environment, facts = load_environment(), machine.machine()
    work = _work(environment, photo or environment.home / "cat.png", model)
    contenders = _contenders(work, config, chosen)
    # Sockets live there: a long path would not fit.
    with tempfile.TemporaryDirectory(
        prefix="hb-", dir="/tmp", ignore_cleanup_errors=True
    ) as folder:
        campaign = Campaign(work, shape_of(config), plan, Path(folder), environment)
        failure = _run(campaign, contenders)
    results = _results(campaign, contenders)
    return results.model_copy(update={"machine": facts, "failure": failure})


def _run(campaign: Campaign, contenders: tuple[Contender, ...]) -> str | None:
    """The kind of error that ended the campaign early; what it saw stays."""
    columns = (*Progress.get_default_columns(), MofNCompleteColumn())
    with Progress(*columns, TimeElapsedColumn(), console=console) as progress:
        total = steps(campaign.plan, contenders, campaign.shape)
        task = progress.add_task("", total=total)

        def tell(what: str) -> None:
            progress.update(task, advance=1, description=what)

        campaign.tell = tell
        try:
            campaign.run(contenders)
        except (ClusterError, WrongAnswer, ChildFailed) as error:
            console.print(str(error), style="red", markup=False)
            # Its text may hold paths, and results are published: name the kind only.
            return type(error).__name__
    return None


def _results(campaign: Campaign, contenders: tuple[Contender, ...]) -> Results:
    subjects = [subject for one in contenders for subject in one.subjects]
    ours = [one for one in subjects if one.fact.role == "headwater"]
    plan = campaign.plan
    return Results(
        date=datetime.now(tz=timezone.utc).strftime("%Y-%m-%d"),
        commit=machine.commit(),
        quick=plan == QUICK,
        machine=machine.machine(),
        versions=machine.versions(),
        settings=_settings(campaign),
        subjects=(*BARE, *(subject.fact for subject in subjects)),
        measurements=tuple(campaign.measurements),
        idle=tuple(campaign.idle.values()),
        splits=split_inside(campaign.work, ours, plan.split_requests) if ours else (),
    )


def _settings(campaign: Campaign) -> dict[str, str]:
    work, shape, plan = campaign.work, campaign.shape, campaign.plan
    return {
        "model": f"{work.model} {work.blueprint.cards[work.model].variant}",
        "model input": "x".join(map(str, work.tensor().shape)) + " FP32",
        "pipeline": work.pipeline,
        "photo": f"JPEG of {len(work.photo)} bytes",
        "replicas x threads": f"{shape.replicas} x {shape.threads}",
        "seconds a run": f"{plan.duration_s:g} after {plan.warmup_s:g} of warm-up",
        "repeats": str(plan.repeats),
    }


def _contenders(
    work: Work, config: dict[str, Any], chosen: list[str]
) -> tuple[Contender, ...]:
    shape: Shape = shape_of(config)
    known: Mapping[str, Callable[[str], Contender]] = {
        "plain-default": lambda name: plain(work, name, gathered(shape), "default"),
        "plain-haproxy": lambda name: plain(work, name, gathered(shape), "haproxy"),
        "plain-replicas": lambda name: plain(work, name, shape, "haproxy"),
        "headwater": lambda _: headwater(work, config),
    }
    for name in chosen:
        if name not in known:
            raise typer.BadParameter(f"{name!r} is not one of {', '.join(CONTENDERS)}")
    return tuple(known[name](name) for name in CONTENDERS if name in chosen)


def _work(environment: Environment, photo: Path, model: str) -> Work:
    if not photo.is_file():
        raise ConfigError(photo, "", "no such photo; run `make serve` or give --photo")
    catalogue = load_catalogue(environment.catalogue or packaged_catalogue())
    blueprint = draw_blueprint(catalogue, Store(environment.store), ["vision"], [model])
    return Work(blueprint, model, "vision", payloads.as_jpeg(photo.read_bytes()))


def _read_config(replicas: int | None) -> dict[str, Any]:
    text = (HERE.parent / "serve_config.yaml").read_text(encoding="utf-8")
    config = dict(yaml.safe_load(text))
    if replicas is not None:
        for deployment in config["applications"][0]["deployments"]:
            deployment["num_replicas"] = replicas
    return config


def _save(results: Results, output: Path) -> None:
    output.mkdir(parents=True, exist_ok=True)
    shape = results.settings["replicas x threads"].replace(" ", "")
    name = f"{results.date}-{machine.slug(results.machine)}-{shape}"
    stem = output / (name + ("-quick" if results.quick else ""))
    stem.with_suffix(".json").write_text(results.model_dump_json(indent=1) + "\n")
    text = write_report(results, stem)
    Console().print(Markdown(text))
    console.print(f"Written: {stem}.md, .json, .png", markup=False)


def _end(signum: int, frame: object) -> None:
    raise SystemExit(128 + signum)  # unwinds, so that the clusters end as well


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, _end)
    app()

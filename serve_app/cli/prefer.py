"""`headwater models prefer`: which runtime a stored variant is better served by."""

from collections.abc import Sequence
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from configs.catalogue import load_catalogue, packaged_catalogue
from configs.environment import load_environment
from configs.model import ModelSpec
from models.card import Card, PreferenceFact
from models.errors import BuildFailed
from models.store import Store
from models.workshop import Workshop
from serve_app.cli.console import bars, say
from serve_app.cli.named import parsed

if TYPE_CHECKING:  # whoever only wants `--help` does not wait for ONNX Runtime
    from deployments.backends.preference import Wanted
    from models.prefer import Entrant, Photos

app = typer.Typer()

REFERENCE = "fp32-onnx"


@app.command()
def prefer(
    model: Annotated[str, typer.Argument(help="A model, or ID@VERSION.")],
    variant: Annotated[
        str | None, typer.Option(help="Of form ONNX; none: the model's own.")
    ] = None,
    data: Annotated[
        list[Path] | None,
        typer.Option(
            help="A folder of photos with labels.csv, judged beside what the model's "
            "file names; may be given more than once."
        ),
    ] = None,
) -> None:
    """Judge and time a variant on OpenVINO beside ONNX Runtime; keep the better one.

    Needs the extra `openvino`. What is measured holds on this kind of machine;
    replicas there follow the card.
    """
    from models.prefer import MARGIN, refusal

    environment = load_environment()
    catalogue = load_catalogue(environment.catalogue or packaged_catalogue())
    with bars() as progress:
        store, cache = Store(environment.store), environment.home / "cache"
        workshop = Workshop(catalogue, store, cache, progress)
        spec = workshop.require_version(*parsed(model))
        card = store.card(spec.id, spec.version, variant or spec.variant)
        fact = _measured(workshop, spec, card, data or [])
    for line in _told(fact):
        say(line)
    reason = refusal(fact, spec.max_drop_points)
    _save(store, card, None if reason else fact)
    if reason:
        say(f"{card.model} {card.variant} stays with ONNX Runtime: {reason}")
    else:
        say(f"{card.model} {card.variant} prefers OpenVINO by {MARGIN:.0%} and more")


def _save(store: Store, judged: Card, prefers: PreferenceFact | None) -> None:
    """Write it on the card as it is now: a build may have come since it was read.

    Raises:
        BuildFailed: the file that was judged is no longer that of the variant.
    """
    card = store.card(judged.model, judged.version, judged.variant)
    if card.model_file != judged.model_file:
        reason = f"{card.variant} was built anew meanwhile; run it again"
        raise BuildFailed(card.model, "comparison", reason)
    store.save_card(card.model_copy(update={"prefers": prefers}))


def _measured(
    workshop: Workshop, spec: ModelSpec, card: Card, folders: Sequence[Path]
) -> PreferenceFact:
    from deployments.residency.warming import warm_sizes
    from models import keys, machine
    from models.prefer import Contest, judge_runtimes, time_runtimes

    if card.form != "onnx" or card.image is None:
        raise BuildFailed(spec.id, "comparison", "it needs an ONNX variant for photos")
    contest = Contest(
        card,
        card.image,
        _entrant(card, workshop.store, "onnx"),
        _entrant(card, workshop.store, "openvino"),
    )
    progress = workshop.progress_of(f"{card.model} {card.variant}")
    photos = _photos(workshop, spec, card, folders)
    judged = tuple(judge_runtimes(contest, some, progress) for some in photos)
    sizes = warm_sizes(spec.batching)
    times = []
    for done, rows in enumerate(sizes):
        progress("time", done, len(sizes))
        times.append(time_runtimes(contest, rows))
    progress("time", len(sizes), len(sizes))
    return PreferenceFact(
        runtime="openvino",
        created=datetime.now(tz=timezone.utc).isoformat(timespec="seconds"),
        quality=judged,
        times=tuple(times),
        toolchain=keys.tool_versions(("onnxruntime", "openvino")),
        machine=machine.describe(),
    )


def _entrant(card: Card, store: Store, runtime: "Wanted") -> "Entrant":
    """A variant as a replica would open it."""
    from deployments.backends.base import crop_maker
    from deployments.backends.opening import open_backend
    from deployments.backends.preference import Site
    from models.prefer import Entrant

    backend = open_backend(card, store, Site(wanted=runtime))
    return Entrant(backend, crop_maker(backend) is not None)


def _photos(
    workshop: Workshop, spec: ModelSpec, card: Card, folders: Sequence[Path]
) -> "list[Photos]":
    """What the variant is judged on, with FP32's answers to it."""
    from models.datasets import crops, open_folder
    from models.prefer import Photos
    from models.runtime import Runner, logits_of_crops

    image, progress = card.image, workshop.progress_of(f"{card.model} {REFERENCE}")
    if image is None:
        return []
    datasets = [workshop.materials.dataset(name) for name in spec.evaluation]
    datasets += [open_folder(folder) for folder in folders]
    fp32 = None
    if card.variant != REFERENCE:
        source = workshop.store.card(spec.id, spec.version, REFERENCE)
        fp32 = Runner(workshop.store.file(source.model_file))
    found = []
    for dataset in datasets:
        cut = crops(dataset, image, progress)
        logits = None if fp32 is None else logits_of_crops(fp32, cut, image, progress)
        found.append(Photos(dataset, cut, logits))
    return found


def _told(fact: PreferenceFact) -> list[str]:
    """What was measured, a line a measurement."""
    lines = []
    for one in fact.quality:
        top1, drop = one.quality.top1, one.quality.drop_points
        lost = "" if drop is None else f", {drop.value:.2f} points lost to FP32"
        lines.append(
            f"{one.quality.dataset}: top-1 {top1.value:.1%} ({top1.low:.1%} to "
            f"{top1.high:.1%}) of {top1.n}{lost}, ONNX Runtime's answer on "
            f"{one.same.value:.1%}"
        )
    for time in fact.times:
        lines.append(
            f"batch {time.batch_size}: {time.ms:.1f} ms, ONNX Runtime {time.onnx_ms:.1f} "
            f"ms; {time.cpu_share:.2f} of its CPU time"
        )
    return lines

"""`headwater models fit`: weights, temperatures and thresholds of an ensemble."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from configs.catalogue import Catalogue, load_catalogue, packaged_catalogue
from configs.environment import load_environment
from configs.errors import ConfigError
from models.store import Store
from models.workshop import Workshop
from serve_app.cli.console import bars, say
from serve_app.cli.named import version_of

if TYPE_CHECKING:  # whoever only wants `--help` does not wait for ONNX Runtime
    from models.fit import Photos

app = typer.Typer()


@app.command()
def fit(
    pipeline: Annotated[str, typer.Argument(help="An id of the catalogue.")],
    on: Annotated[
        str | None,
        typer.Option(
            help="A dataset of the catalogue, or a folder of photos with labels.csv "
            "(columns file, class_index); none: the one that `fit_on` names."
        ),
    ] = None,
    member: Annotated[
        list[str] | None,
        typer.Option(
            help="ID@VERSION of a member, for a version that is not served yet; may be "
            "given more than once."
        ),
    ] = None,
    report: Annotated[
        Path | None, typer.Option(help="Write everything found into this page.")
    ] = None,
) -> None:
    """Fit an ensemble's weights, temperatures and thresholds on labelled photos."""
    from models.cascade_page import page, summary
    from models.fit import fit as fit_ensemble

    environment = load_environment()
    catalogue = load_catalogue(environment.catalogue or packaged_catalogue())
    spec = catalogue.pipelines.get(pipeline)
    if spec is None:
        reason = f"is not in the catalogue: {sorted(catalogue.pipelines)}"
        raise ConfigError(catalogue.root / "pipelines", pipeline, reason)
    name = on or spec.ensemble.fit_on
    if name is None:
        raise typer.BadParameter(f"{pipeline} names no fit_on: say --on")
    with bars() as progress:
        store, cache = Store(environment.store), environment.home / "cache"
        workshop = Workshop(catalogue, store, cache, progress)
        photos = _photos(workshop, catalogue, name, by_command=on is not None)
        versions = dict(version_of(said) for said in member or [])
        card = fit_ensemble(workshop, spec, photos, versions)
    for line in summary(card):
        say(line)
    if report is not None:
        report.parent.mkdir(parents=True, exist_ok=True)
        report.write_text(page(card), encoding="utf-8")
        say(f"wrote {report}")


def _photos(
    workshop: Workshop, catalogue: Catalogue, name: str, by_command: bool
) -> "Photos":
    from models.datasets import open_folder
    from models.fit import Photos

    if name in catalogue.datasets:
        return Photos(workshop.materials.dataset(name), by_command)
    if Path(name).is_dir():
        return Photos(open_folder(Path(name)), by_command, Path(name))
    known = ", ".join(catalogue.datasets)
    raise typer.BadParameter(f"{name} is no folder and none of the datasets {known}")

"""What exists: every model, dataset, pipeline and recipe of one folder.

One of them is one YAML file; its name is its id.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

from configs.errors import ConfigError
from configs.model import DatasetSpec, ModelSpec
from configs.pipeline import PipelineSpec
from configs.recipe import RecipeSpec
from configs.spec import SpecType, read_spec


@dataclass(frozen=True, slots=True)
class Catalogue:
    """Every Spec of one folder, by id."""

    root: Path
    models: Mapping[str, ModelSpec]
    datasets: Mapping[str, DatasetSpec]
    pipelines: Mapping[str, PipelineSpec]
    recipes: Mapping[str, RecipeSpec] = field(default_factory=dict)


def load_catalogue(root: Path) -> Catalogue:
    """Read `root`/{models,datasets,pipelines,recipes}/*.yaml and check that references hold.

    Raises:
        ConfigError: naming the file and the key that must be mended.
    """
    catalogue = Catalogue(
        root,
        _read_folder(root / "models", ModelSpec),
        _read_folder(root / "datasets", DatasetSpec),
        _read_folder(root / "pipelines", PipelineSpec),
        _read_folder(root / "recipes", RecipeSpec),
    )
    _check_references(catalogue)
    _check_recipes(catalogue)
    return catalogue


def packaged_catalogue() -> Path:
    """The folder of the catalogue that comes with Headwater."""
    return Path(__file__).parent


def _read_folder(folder: Path, kind: type[SpecType]) -> Mapping[str, SpecType]:
    specs: dict[str, SpecType] = {}
    for file in sorted(folder.glob("*.yaml")):
        spec = read_spec(file, kind)
        identity = getattr(spec, "id", None)
        if identity != file.stem:
            raise ConfigError(file, "id", f"must be {file.stem!r}, got {identity!r}")
        specs[file.stem] = spec
    return MappingProxyType(specs)


def _check_references(catalogue: Catalogue) -> None:
    for model in catalogue.models.values():
        file = catalogue.root / "models" / f"{model.id}.yaml"
        wanted = list(model.evaluation)
        if model.calibration is not None:
            wanted.append(model.calibration.dataset)
        _require(file, "datasets", wanted, catalogue.datasets)
        if model.labels and not (catalogue.root / model.labels).is_file():
            raise ConfigError(file, "labels", f"no such file: {model.labels}")
    for pipeline in catalogue.pipelines.values():
        file = catalogue.root / "pipelines" / f"{pipeline.id}.yaml"
        members = [member.model for member in pipeline.ensemble.members]
        _require(file, "ensemble.members", members, catalogue.models)
        if pipeline.ensemble.fit_on is not None:
            _require(
                file,
                "ensemble.fit_on",
                [pipeline.ensemble.fit_on],
                catalogue.datasets,
            )
        if pipeline.id in catalogue.models:
            raise ConfigError(file, "id", "a model has the same name")


def _check_recipes(catalogue: Catalogue) -> None:
    makers: dict[tuple[str, str], str] = {}
    for recipe in catalogue.recipes.values():
        file = catalogue.root / "recipes" / f"{recipe.id}.yaml"
        _require(file, "data", recipe.datasets(), catalogue.datasets)
        _require(file, "model", [recipe.model], catalogue.models)
        named = recipe.references()
        for key, known in (
            ("model", catalogue.models),
            ("pipeline", catalogue.pipelines),
            ("recipe", catalogue.recipes),
        ):
            _require(file, key, [name for kind, name in named if kind == key], known)
        made = (recipe.model, recipe.variant)
        if made in makers:
            reason = f"{makers[made]} already makes {' '.join(made)}"
            raise ConfigError(file, "variant", reason)
        makers[made] = recipe.id
    for recipe in catalogue.recipes.values():
        _check_source(catalogue, recipe)
        _refuse_circle(catalogue, recipe, ())


def _check_source(catalogue: Catalogue, recipe: RecipeSpec) -> None:
    file = catalogue.root / "recipes" / f"{recipe.id}.yaml"
    wanted, after = recipe.source.recipe, recipe.source.after
    if wanted is not None and after is not None:
        steps = len(catalogue.recipes[wanted].steps)
        if after > steps:
            reason = f"must be <= {steps}, the steps of {wanted}, got {after}"
            raise ConfigError(file, "source.after", reason)


def _refuse_circle(
    catalogue: Catalogue, recipe: RecipeSpec, above: tuple[str, ...]
) -> None:
    if recipe.id in above:
        file = catalogue.root / "recipes" / f"{recipe.id}.yaml"
        path = " → ".join((*above[above.index(recipe.id) :], recipe.id))
        raise ConfigError(file, "recipe", f"needs itself: {path}")
    for kind, name in recipe.references():
        if kind == "recipe":
            _refuse_circle(catalogue, catalogue.recipes[name], (*above, recipe.id))


def _require(
    file: Path, key: str, wanted: list[str], known: Mapping[str, object]
) -> None:
    for name in wanted:
        if name not in known:
            raise ConfigError(
                file, key, f"{name!r} is not in the catalogue: {sorted(known)}"
            )

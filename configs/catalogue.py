"""What exists: every model, dataset, pipeline and recipe of one folder.

One of them is one YAML file; its name is its id. An older version of a model is a file of
its own beside it, `models/ID@VERSION.yaml`.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

from configs.dataset import DatasetSpec
from configs.errors import ConfigError
from configs.model import ModelSpec
from configs.pipeline import PipelineSpec
from configs.recipe import RecipeSpec
from configs.spec import SpecType, read_spec
from configs.versions import APART, check_versions, read_older, version_file

LEARN_LABELS = {"train", "prune-unstructured", "prune-channels", "qat", "qat-litert"}
"""The steps that need labels of the photos that they train on."""


@dataclass(frozen=True, slots=True)
class Catalogue:
    """Every Spec of one folder, by id.

    `models` holds the newest version of each; `older` the others, ascending.
    """

    root: Path
    models: Mapping[str, ModelSpec]
    datasets: Mapping[str, DatasetSpec]
    pipelines: Mapping[str, PipelineSpec]
    recipes: Mapping[str, RecipeSpec] = field(default_factory=dict)
    older: Mapping[str, tuple[ModelSpec, ...]] = field(default_factory=dict)

    def versions(self, model: str) -> Mapping[int, ModelSpec]:
        """Every version of a model, ascending; nothing when there is no such model."""
        newest = self.models.get(model)
        found = (*self.older.get(model, ()), *((newest,) if newest else ()))
        return {spec.version: spec for spec in found}

    def maker(
        self, model: str, variant: str, version: int | None = None
    ) -> RecipeSpec | None:
        """The recipe whose own variant it is; None: there is no such recipe.

        `version`: of the model; None: the newest, the only one that recipes make.
        """
        if version is not None and version != self.models[model].version:
            return None
        wanted = (model, variant)
        made = (
            one for one in self.recipes.values() if wanted == (one.model, one.variant)
        )
        return next(made, None)


def load_catalogue(root: Path) -> Catalogue:
    """Read `root`/{models,datasets,pipelines,recipes}/*.yaml and check that references hold.

    Raises:
        ConfigError: naming the file and the key that must be mended.
    """
    models = _read_folder(root / "models", ModelSpec)
    catalogue = Catalogue(
        root,
        models,
        _read_folder(root / "datasets", DatasetSpec),
        _read_folder(root / "pipelines", PipelineSpec),
        _read_folder(root / "recipes", RecipeSpec),
        read_older(root / "models", models),
    )
    _check_references(catalogue)
    check_versions(root / "models", catalogue.models, catalogue.versions)
    _check_recipes(catalogue)
    return catalogue


def packaged_catalogue() -> Path:
    """The folder of the catalogue that comes with Headwater."""
    return Path(__file__).parent


def _read_folder(folder: Path, kind: type[SpecType]) -> Mapping[str, SpecType]:
    specs: dict[str, SpecType] = {}
    for file in sorted(folder.rglob("*.yaml")):
        if APART in file.stem and kind is ModelSpec:
            continue
        spec = read_spec(file, kind)
        identity = getattr(spec, "id", None)
        if identity != file.stem:
            raise ConfigError(file, "id", f"must be {file.stem!r}, got {identity!r}")
        specs[file.stem] = spec
    return MappingProxyType(specs)


def _check_references(catalogue: Catalogue) -> None:
    for file, model in _model_files(catalogue):
        wanted = list(model.evaluation)
        if model.calibration is not None:
            wanted.append(model.calibration.dataset)
        _require(file, "datasets", wanted, catalogue.datasets)
        _require_labels(file, "evaluation", model.evaluation, catalogue)
        if model.labels and not (catalogue.root / model.labels).is_file():
            raise ConfigError(file, "labels", f"no such file: {model.labels}")
    for pipeline in catalogue.pipelines.values():
        file = catalogue.root / "pipelines" / f"{pipeline.id}.yaml"
        members = [member.model for member in pipeline.ensemble.members]
        _require(file, "ensemble.members", members, catalogue.models)
        _check_member_versions(file, catalogue, pipeline)
        if pipeline.ensemble.fit_on is not None:
            _require(
                file,
                "ensemble.fit_on",
                [pipeline.ensemble.fit_on],
                catalogue.datasets,
            )
        if pipeline.id in catalogue.models:
            raise ConfigError(file, "id", "a model has the same name")


def _model_files(catalogue: Catalogue) -> list[tuple[Path, ModelSpec]]:
    folder = catalogue.root / "models"
    newest = [(folder / f"{m.id}.yaml", m) for m in catalogue.models.values()]
    older = [spec for specs in catalogue.older.values() for spec in specs]
    return [*newest, *((version_file(folder, spec), spec) for spec in older)]


def _check_member_versions(
    file: Path, catalogue: Catalogue, pipeline: PipelineSpec
) -> None:
    for member in pipeline.ensemble.members:
        known = catalogue.versions(member.model)
        if member.version is not None and member.version not in known:
            reason = f"{member.model} has no version {member.version}: {sorted(known)}"
            raise ConfigError(file, "ensemble.members", reason)


def _check_recipes(catalogue: Catalogue) -> None:
    makers: dict[tuple[str, str], str] = {}
    for recipe in catalogue.recipes.values():
        file = _recipe_file(catalogue, recipe)
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
        _check_labels(catalogue, recipe)
        _check_source(catalogue, recipe)
        _check_teachers(catalogue, recipe)
        _refuse_circle(catalogue, recipe, ())


def _check_labels(catalogue: Catalogue, recipe: RecipeSpec) -> None:
    """Refuse what would fail for want of labels, be it after all steps."""
    file, steps = _recipe_file(catalogue, recipe), {one.step for one in recipe.steps}
    _require_labels(file, "data.evaluation", recipe.data.evaluation, catalogue)
    if "distil" in steps and not steps & LEARN_LABELS:
        return
    for key in ("train", "validation"):
        named = getattr(recipe.data, key)
        _require_labels(file, f"data.{key}", (named,) if named else (), catalogue)


def _require_labels(
    file: Path, key: str, names: Iterable[str], catalogue: Catalogue
) -> None:
    for name in names:
        if not catalogue.datasets[name].labelled:
            reason = f"{name} must have labels: only `distil` trains without"
            raise ConfigError(file, key, reason)


def _recipe_file(catalogue: Catalogue, recipe: RecipeSpec) -> Path:
    """Where it is: recipes may lie in folders, such as `recipes/edge`."""
    folder, name = catalogue.root / "recipes", f"{recipe.id}.yaml"
    return next(folder.rglob(name), folder / name)


def _check_source(catalogue: Catalogue, recipe: RecipeSpec) -> None:
    file = _recipe_file(catalogue, recipe)
    wanted, after = recipe.source.recipe, recipe.source.after
    if wanted is not None and after is not None:
        steps = len(catalogue.recipes[wanted].steps)
        if after > steps:
            reason = f"must be <= {steps}, the steps of {wanted}, got {after}"
            raise ConfigError(file, "source.after", reason)


def _check_teachers(catalogue: Catalogue, recipe: RecipeSpec) -> None:
    """Refuse a pipeline of another task before its members are made for nothing."""
    file, student = _recipe_file(catalogue, recipe), catalogue.models[recipe.model]
    teachers = [getattr(step, "teacher", None) for step in recipe.steps]
    for name in [one.pipeline for one in teachers if one and one.pipeline]:
        for member in catalogue.pipelines[name].ensemble.members:
            model = catalogue.models[member.model]
            if _task(model) != _task(student):
                wanted = f"must be of {recipe.model}'s task {_task(student)}"
                reason = f"{member.model} of {name} {wanted}, is of {_task(model)}"
                raise ConfigError(file, "teacher", reason)


def _task(model: ModelSpec) -> tuple[str, tuple[int, ...]]:
    """What a model takes and how many classes it knows."""
    kinds = {"photos": model.image, "recordings": model.audio}
    named = (kind for kind, seen in kinds.items() if seen is not None)
    return next(named, "tensors"), model.outputs[0].shape


def _refuse_circle(
    catalogue: Catalogue, recipe: RecipeSpec, above: tuple[str, ...]
) -> None:
    if recipe.id in above:
        file = _recipe_file(catalogue, recipe)
        path = " → ".join((*above[above.index(recipe.id) :], recipe.id))
        raise ConfigError(file, "recipe", f"needs itself: {path}")
    for needed in _needs(catalogue, recipe):
        _refuse_circle(catalogue, needed, (*above, recipe.id))


def _needs(catalogue: Catalogue, recipe: RecipeSpec) -> Iterator[RecipeSpec]:
    """The recipes that it names, and those that make members of pipelines it names."""
    for kind, name in recipe.references():
        if kind == "recipe":
            yield catalogue.recipes[name]
        if kind != "pipeline":
            continue
        for member in catalogue.pipelines[name].ensemble.members:
            newest = catalogue.models[member.model]
            version = member.version or newest.aliases.get("stable", newest.version)
            model = catalogue.versions(member.model)[version]
            maker = catalogue.maker(model.id, member.variant or model.variant, version)
            if maker is not None:
                yield maker


def _require(
    file: Path, key: str, wanted: list[str], known: Mapping[str, object]
) -> None:
    for name in wanted:
        if name not in known:
            raise ConfigError(
                file, key, f"{name!r} is not in the catalogue: {sorted(known)}"
            )

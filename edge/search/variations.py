"""The candidates of a recipe's search, each a recipe of its own. Pure.

They share what they can: steps that begin alike are made once, as for any two recipes.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from configs.catalogue import Catalogue
from configs.device import DeviceForm
from configs.edge_search import Candidate, Quantization, SearchSpec
from configs.edge_steps import QatLitertStep
from configs.recipe import RecipeSpec
from configs.steps import AnyStep, DistilStep, PruneChannelsStep, TrainStep
from edge.search.tails import FOR_LITERT, tail

ROUND_TO = 4
"""Widths are multiples of it: what kernels and accelerators compute at a time."""

WIDE = {"stages": 2, "blocks": 1}
"""How many columns of an architecture's table are widths; the last is a stride."""


@dataclass(frozen=True, slots=True)
class Variation:
    """One candidate, and what makes it one."""

    recipe: RecipeSpec
    width: float
    pruning: float
    quantization: Quantization
    form: DeviceForm = "litert"

    @property
    def round(self) -> int:
        """Plain ones are tried first, then what changes them once, then twice."""
        return (self.pruning > 0) + (self.quantization == "qat")


def variations(recipe: RecipeSpec) -> tuple[Variation, ...]:
    """Every combination of `recipe.search`, in the order in which they are tried.

    Raises:
        ValueError: the recipe has no search.
    """
    if recipe.search is None:
        raise ValueError(f"{recipe.id} has no search")
    found = sorted(_all(recipe, recipe.search), key=lambda one: one.round)
    return tuple(found)


def _all(recipe: RecipeSpec, search: SearchSpec) -> Iterator[Variation]:
    for one in search.candidates():
        yield Variation(_recipe(recipe, search, one), *one)


def trainer(recipe: RecipeSpec) -> TrainStep | DistilStep:
    """The step that makes the network.

    Raises:
        ValueError: there is none; the Spec of a search refuses that.
    """
    for step in recipe.steps:
        if isinstance(step, TrainStep | DistilStep):
            return step
    raise ValueError(f"{recipe.id} trains nothing")


def widened(
    options: Mapping[str, int | float | str], width: float
) -> dict[str, int | float | str]:
    """An architecture's options with every layer `width` times as wide.

    Raises:
        ValueError: a table of them is no table.
    """
    changed = dict(options)
    if isinstance(changed.get("stem"), int):
        changed["stem"] = _times(int(changed["stem"]), width)
    for table, columns in WIDE.items():
        if table in changed:
            rows = str(changed[table]).split(",")
            changed[table] = ",".join(_row(row, columns, width) for row in rows)
    return changed


def _row(row: str, columns: int, width: float) -> str:
    numbers = [int(word) for word in row.split(":")]
    wide = [_times(number, width) for number in numbers[:columns]]
    return ":".join(str(number) for number in (*wide, *numbers[columns:]))


def _times(layers: int, width: float) -> int:
    if width == 1:
        return layers
    return max(1, round(layers * width / ROUND_TO)) * ROUND_TO


def _recipe(recipe: RecipeSpec, search: SearchSpec, varied: Candidate) -> RecipeSpec:
    width, pruning, quantization, form = varied
    name, steps = varied.name, _steps(recipe, search, varied)
    said = f"width {width:g}, {pruning:.0%} of channels pruned, {quantization}"
    said += "" if form == "litert" else f", {form}"
    return recipe.model_copy(
        update={
            "id": f"{recipe.id}-{name}",
            "variant": f"{recipe.variant}-{name}",
            "title": f"{recipe.title} ({said})",
            "steps": tuple(steps),
            "search": None,
        }
    )


def _steps(
    recipe: RecipeSpec, search: SearchSpec, varied: Candidate
) -> Iterator[AnyStep]:
    width, pruning, quantization, form = varied
    for step in recipe.steps:
        if isinstance(step, TrainStep | DistilStep):
            yield step.model_copy(update={"options": widened(step.options, width)})
            continue
        if step.step == "litert-convert":
            yield from _before_conversion(search, pruning, quantization)
            yield from tail(form, quantization, recipe.steps)
        if form == "litert" or step.step not in FOR_LITERT:
            yield from _quantized(step, quantization)


def _before_conversion(
    search: SearchSpec, pruning: float, quantization: Quantization
) -> Iterator[AnyStep]:
    tuning = search.tuning
    if pruning:
        yield PruneChannelsStep(
            step="prune-channels",
            ratio=pruning,
            rounds=1,
            round_to=ROUND_TO,
            finetune_epochs=tuning.epochs,
            batch=tuning.batch,
            lr=tuning.lr,
        )
    if quantization == "qat":
        yield QatLitertStep(step="qat-litert", **tuning.model_dump())


def _quantized(step: AnyStep, quantization: Quantization) -> Iterator[AnyStep]:
    """`step` as it is, but for the one that quantizes."""
    if step.step != "litert-quantize":
        yield step
    elif quantization != "float32":
        scheme = "int8" if quantization in ("ptq", "qat") else quantization
        yield step.model_copy(update={"scheme": scheme})


def including(catalogue: Catalogue, found: Sequence[Variation]) -> Catalogue:
    """`catalogue` with every one of `found` as a recipe."""
    added = {one.recipe.id: one.recipe for one in found}
    return replace(catalogue, recipes={**catalogue.recipes, **added})

"""The search of a recipe, as `headwater edge export` runs it."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from configs.catalogue import Catalogue
from configs.device import DeviceSpec
from configs.environment import Environment
from configs.recipe import RecipeSpec
from configs.steps import DistilStep
from edge.search.estimates import Estimate, estimate
from edge.search.outcome import outcome
from edge.search.page import write
from edge.search.trying import Means, Search, Tried
from edge.search.variations import (
    Variation,
    including,
    trainer,
    variations,
    widened,
)
from models.card import Card
from models.recipes.photos import judged_on
from models.store import Store
from serve_app.cli.console import bars, say
from serve_app.cli.optimize import open_engine, resumable


@dataclass(frozen=True, slots=True)
class Searched:
    """One search that is over, and what it was for."""

    recipe: RecipeSpec
    minutes: float
    tried: tuple[Tried, ...]
    devices: tuple[DeviceSpec, ...]

    def cards(self, store: Store, version: int) -> list[Card]:
        """Those that cleared the bar."""
        made = [t.variation.recipe for t in self.tried if t.is_stored]
        return [store.card(one.model, version, one.variant) for one in made]

    def tell(self, chosen: Mapping[str, str], folder: Path) -> None:
        """Write what was found, and which variant each class gets."""
        found = outcome(self.recipe.id, self.minutes, self.tried, self.devices, chosen)
        say(f"search {write(found, folder)}")


def with_candidates(
    catalogue: Catalogue, recipes: Sequence[str], data: Sequence[Path]
) -> Catalogue:
    """`catalogue` with the candidates of `recipes`, all judged on `data` if there is any."""
    for name in recipes:
        if data:
            catalogue = judged_on(catalogue, name, data)
        if catalogue.recipes[name].search is not None:
            catalogue = including(catalogue, variations(catalogue.recipes[name]))
    return catalogue


def searched(
    environment: Environment,
    catalogue: Catalogue,
    recipe: RecipeSpec,
    devices: Sequence[DeviceSpec],
    force: bool,
) -> Searched:
    """Try the candidates of `recipe`, which `catalogue` has, for `devices`.

    Raises:
        ModelError: none could be made.
    """
    if recipe.search is None:
        raise ValueError(f"{recipe.id} has no search")
    shape = catalogue.models[recipe.model].inputs[0].shape
    with resumable(f"edge export {recipe.id}"), bars() as progress:
        engine = open_engine(environment, catalogue, progress)
        engine.prepare(recipe.id)
        if force:
            for one in variations(recipe):
                engine.forget(one.recipe.id)
        means = Means(engine.run, partial(_cost, shape), time.monotonic)
        search = Search(means, devices, 60 * recipe.search.minutes)
        tried = search.among(variations(recipe))
    return Searched(recipe, recipe.search.minutes, tried, tuple(devices))


def _cost(shape: tuple[int, ...], one: Variation) -> Estimate:
    """What a candidate would cost; pruned channels count as ones that never were."""
    from models.training.costs import network_cost

    step = trainer(one.recipe)
    name = step.student if isinstance(step, DistilStep) else step.architecture
    if name is None:
        raise ValueError(f"{one.recipe.id}: step {step.step} must name an architecture")
    options = widened(step.options, 1 - one.pruning)
    channels = {"channels": shape[0]} if len(shape) == 3 else {}
    network = network_cost(name, {**options, **channels}, shape)
    return estimate(network, one.quantization, one.form)

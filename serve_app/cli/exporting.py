"""What `headwater edge export` does, step by step."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import typer

from configs.catalogue import Catalogue, load_catalogue, packaged_catalogue
from configs.device import DeviceSpec, load_devices
from configs.environment import load_environment
from edge.exporting.choice import Candidate, best
from edge.exporting.folder import candidate, write
from models.card import Card
from models.errors import NothingClears
from models.store import Store
from serve_app.cli.console import say
from serve_app.cli.optimize import optimize


@dataclass(frozen=True, slots=True)
class Order:
    """What the command was asked for."""

    recipes: tuple[str, ...]
    classes: tuple[str, ...]
    out: Path | None
    data: tuple[Path, ...]
    force: bool


def carry_out(order: Order) -> None:
    """Run the recipes, choose for each class, write its folder.

    Raises:
        ModelError: a recipe failed, or no variant is for a class.
        typer.BadParameter: the order names what is not there.
    """
    environment = load_environment()
    root = environment.catalogue or packaged_catalogue()
    catalogue, store = load_catalogue(root), Store(environment.store)
    known = load_devices(root) or load_devices(packaged_catalogue())
    model = _model(order, catalogue)
    devices = [_device(name, known) for name in _classes(order, catalogue)]
    for recipe in order.recipes:
        optimize(recipe, False, None, order.force, list(order.data))
    cards = [_card(recipe, catalogue, store) for recipe in order.recipes]
    out = order.out or environment.home / "edge" / model
    for device in devices:
        _export(store, cards, device, out)


def _export(store: Store, cards: Sequence[Card], device: DeviceSpec, out: Path) -> None:
    held = [candidate(store, card, device) for card in cards]
    chosen = best(held, device)
    if chosen is None:
        found = tuple(
            f"{one.card.variant}: {'; '.join(one.readiness.reasons())}" for one in held
        )
        raise NothingClears(held[0].card.model, f"all that {device.id} wants", found)
    made = write(store, chosen, device, out)
    compiler = "" if made.compiled is None else ", compiled"
    say(
        f"{device.id}: {chosen.card.variant}, {_share(chosen)}{compiler} → {made.folder}"
    )


def _share(chosen: Candidate) -> str:
    readiness = chosen.readiness
    took = f"estimated {readiness.estimate_ms:.1f} ms"
    return f"{readiness.mapped}/{readiness.total} operators, {took}"


def _model(order: Order, catalogue: Catalogue) -> str:
    for recipe in order.recipes:
        if recipe not in catalogue.recipes:
            known = ", ".join(catalogue.recipes) or "none"
            raise typer.BadParameter(f"{recipe} is not a recipe; there are {known}")
    models = {catalogue.recipes[recipe].model for recipe in order.recipes}
    if len(models) != 1:
        said = ", ".join(sorted(models))
        raise typer.BadParameter(f"recipes must be of one model, these are of {said}")
    return models.pop()


def _classes(order: Order, catalogue: Catalogue) -> Sequence[str]:
    own = [one for r in order.recipes for one in catalogue.recipes[r].devices]
    found = order.classes or tuple(dict.fromkeys(own))
    if not found:
        raise typer.BadParameter(
            "name a device class with --class; the recipe has none"
        )
    return found


def _device(name: str, known: Mapping[str, DeviceSpec]) -> DeviceSpec:
    if name not in known:
        said = ", ".join(known)
        raise typer.BadParameter(f"{name} is not a device class; there are {said}")
    return known[name]


def _card(recipe: str, catalogue: Catalogue, store: Store) -> Card:
    spec = catalogue.recipes[recipe]
    return store.card(spec.model, catalogue.models[spec.model].version, spec.variant)

"""What `headwater edge export` does, step by step."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import typer

from configs.catalogue import Catalogue, load_catalogue, packaged_catalogue
from configs.device import DeviceSpec, load_devices
from configs.environment import Environment, load_environment
from edge.evidence.gathering import Found
from edge.evidence.recording import record
from edge.evidence.writing import Beside, add
from edge.exporting.choice import Candidate, best, lightest, under_bar
from edge.exporting.folder import candidate, write
from models.card import Card
from models.errors import ModelError, NotExported, NothingClears
from models.recipes.compare import Contender
from models.store import Store
from serve_app.cli.console import say
from serve_app.cli.optimize import optimize
from serve_app.cli.proving import NO_EVIDENCE, Prover
from serve_app.cli.searching import Searched, searched, with_candidates

Shown = tuple[Mapping[str, Sequence[Contender]], Mapping[str, str]]
"""Every variant over each class, and the one that each class gets."""


@dataclass(frozen=True, slots=True)
class Order:
    """What the command was asked for."""

    recipes: tuple[str, ...]
    classes: tuple[str, ...]
    out: Path | None
    data: tuple[Path, ...]
    force: bool


@dataclass(frozen=True, slots=True)
class Desk:
    """Where an order is carried out; `catalogue` has the candidates of its searches."""

    order: Order
    environment: Environment
    catalogue: Catalogue
    model: str
    devices: tuple[DeviceSpec, ...]

    @property
    def store(self) -> Store:
        """Where variants are."""
        return Store(self.environment.store)

    @property
    def out(self) -> Path:
        """The folder of the files."""
        return self.order.out or self.environment.home / "edge" / self.model


@dataclass(frozen=True, slots=True)
class Choice:
    """Every variant held against one class, and the one that it gets."""

    device: DeviceSpec
    held: tuple[Candidate, ...]
    chosen: Candidate | None


def carry_out(order: Order) -> None:
    """Run the recipes and searches, choose for each class, prove, write its folder.

    Raises:
        NotExported: classes have no files: no variant is for them, or its proof failed;
            the others have theirs.
        ModelError: a recipe failed.
        typer.BadParameter: the order names what is not there.
    """
    began_s = time.monotonic()
    desk = _desk(order)
    cards, searches = _run(desk)
    choices = [_choose(desk, cards, device) for device in desk.devices]
    names = {c.device.id: c.chosen.card.variant for c in choices if c.chosen}
    for one in searches:
        one.tell(names, desk.out)
    prover = Prover(desk.environment, desk.catalogue, desk.model)
    compared, left = prover.fronts(desk.devices)
    for line in left:
        say(line)
    failed = []
    for choice in choices:
        try:
            _export(desk, choice, prover, (compared, names))
        except ModelError as error:
            failed.append(f"{choice.device.id}: {error}")
    _say_time(began_s)
    if failed:
        raise NotExported(desk.model, tuple(failed))


def _say_time(began_s: float) -> None:
    minutes, seconds = divmod(round(time.monotonic() - began_s), 60)
    say(f"done in {minutes} min {seconds} s")


def _desk(order: Order) -> Desk:
    environment = load_environment()
    root = environment.catalogue or packaged_catalogue()
    catalogue = load_catalogue(root)
    known = load_devices(root) or load_devices(packaged_catalogue())
    model = _model(order, catalogue)
    devices = tuple(_device(name, known) for name in _classes(order, catalogue))
    catalogue = with_candidates(catalogue, order.recipes, order.data)
    return Desk(order, environment, catalogue, model, devices)


def _run(desk: Desk) -> tuple[list[Card], list[Searched]]:
    """The variants that cleared their bars, and the searches they are from."""
    version = desk.catalogue.models[desk.model].version
    cards, searches, order = [], [], desk.order
    for name in order.recipes:
        spec = desk.catalogue.recipes[name]
        if spec.search is None:
            optimize(name, False, None, order.force, list(order.data))
            cards.append(desk.store.card(desk.model, version, spec.variant))
            continue
        found = searched(
            desk.environment, desk.catalogue, spec, desk.devices, order.force
        )
        cards += found.cards(desk.store, version)
        searches.append(found)
    return cards, searches


def _choose(desk: Desk, cards: Sequence[Card], device: DeviceSpec) -> Choice:
    """Candidates of searches share one bar; recipes each have their own."""
    recipes = [desk.catalogue.recipes[name] for name in desk.order.recipes]
    one_bar = len(recipes) == 1 and recipes[0].search is not None
    held = tuple(_held(desk, card, device) for card in cards)
    return Choice(device, held, (lightest if one_bar else best)(held, device))


def _held(desk: Desk, card: Card, device: DeviceSpec) -> Candidate:
    """A variant over a class, by the bar that its recipe has for it."""
    found, made = candidate(desk.store, card, device), card.recipe
    recipe = None if made is None else desk.catalogue.recipes.get(made.id)
    return found if recipe is None else under_bar(found, recipe)


def _export(desk: Desk, choice: Choice, prover: Prover, shown: Shown) -> None:
    """Prove the variant of one class; a folder is touched after that alone."""
    chosen, device = _chosen(desk, choice), choice.device
    found = prover.proved(chosen)
    if found is not None:
        card = record(desk.store, chosen.card, found.evidence)
        chosen = replace(chosen, card=card)
    made = write(desk.store, chosen, device, desk.out)
    add(made.folder, chosen, device, Beside(found, *shown))
    compiler = "" if made.compiled is None else ", compiled"
    say(
        f"{device.id}: {chosen.card.variant}, {_share(chosen)}{compiler} → {made.folder}"
    )
    if found is None:
        say(f"  {NO_EVIDENCE}")
    else:
        _say_why(found)


def _chosen(desk: Desk, choice: Choice) -> Candidate:
    if choice.chosen is None:
        found = tuple(
            f"{one.card.variant}: {'; '.join(one.reasons())}" for one in choice.held
        )
        raise NothingClears(desk.model, f"all that {choice.device.id} wants", found)
    return choice.chosen


def _say_why(found: Found) -> None:
    """Say in short whose answers a file gives too seldom; its page says why."""
    for one in found.evidence.agreements:
        if not one.is_enough:
            share = f"{one.agreement.value:.2%}"
            say(
                f"  has the answer of {one.against} on {share}: {one.differing_close} "
                f"of {one.differing} other answers were close calls"
            )


def _share(chosen: Candidate) -> str:
    readiness = chosen.readiness
    took = f"estimated {readiness.estimate_ms:.2g} ms"
    counted = f"{readiness.mapped}/{readiness.total} operators, {took}"
    top1 = chosen.top1
    if top1 is None:
        return counted
    ends = f"{100 * top1.low:.1f} to {100 * top1.high:.1f}, {top1.n} rows"
    return f"{counted}, top-1 {100 * top1.value:.1f}% ({ends})"


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

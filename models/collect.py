"""Garbage of a store: decided in a pure function, removed with nobody writing.

What stays: files that a card or a deployment names; whatever is younger than a grace
period, because a build that runs has stored files whose card comes last; and every card,
unless it is asked to remove those that the catalogue does not name.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from configs.catalogue import Catalogue
from configs.pipeline import AUTO
from models.atomic import STALE_AFTER_S, age_s, stale_scratch
from models.card import Card
from models.pins import pinned
from models.store import APART, Store

GRACE_S = 24 * 3600.0
"""Longer than any build takes between its first file and its card."""

UNNAMED_CARD = "the catalogue does not name it"

BUILT = ("fp32-onnx", "int8-onnx")
"""The variants that `headwater models build` makes."""


@dataclass(frozen=True, slots=True)
class Garbage:
    """One file that can go, and why."""

    file: Path
    size_bytes: int
    reason: str


def find(
    store: Store, catalogue: Catalogue | None = None, grace_s: float = GRACE_S
) -> list[Garbage]:
    """What can go.

    Args:
        store: whose files.
        catalogue: cards that it does not name can go as well; None: every card stays.
        grace_s: younger files stay.

    Raises:
        StoreCorrupt: a card or pin cannot be read, so what it names is not known.
    """
    cards = store.cards()
    dropped = [] if catalogue is None else _unwanted(catalogue, cards)
    leaving = [card for card in dropped if _older(store.card_file(card), grace_s)]
    fitted = [] if catalogue is None else _unwanted_ensembles(store, catalogue)
    staying = [card for card in cards if card not in leaving]
    named = {fact.sha256 for card in staying for fact in card.stored().values()}
    named |= pinned(store)
    loose = [f for f in store.stored_files() if f.name not in named]
    scratch = stale_scratch(store.root, min(grace_s, STALE_AFTER_S))
    found = [
        *(_garbage(store.card_file(card), UNNAMED_CARD) for card in leaving),
        *(_garbage(file, UNNAMED_CARD) for file in fitted if _older(file, grace_s)),
        *(
            _garbage(file, "no card names it")
            for file in loose
            if _older(file, grace_s)
        ),
        *(_garbage(file, "left by a killed writer") for file in scratch),
        *(
            _garbage(file, "made from a file that goes")
            for file in store.prepared_files()
            if file.parent.name.partition("-")[0] not in named and _older(file, grace_s)
        ),
    ]
    return [one for one in found if one is not None]


def sweep(store: Store) -> None:
    """Remove what killed writers have left."""
    for file in stale_scratch(store.root):
        file.unlink(missing_ok=True)


def remove(
    store: Store, catalogue: Catalogue | None = None, grace_s: float = GRACE_S
) -> list[Garbage]:
    """Remove what `find` finds, while nobody writes; cards go before their files.

    Raises:
        StoreCorrupt: as `find`; nothing was removed.
    """
    with store.alone():
        garbage = find(store, catalogue, grace_s)
        for one in garbage:
            one.file.unlink(missing_ok=True)
    return garbage


def named_variants(catalogue: Catalogue, model: str) -> frozenset[str]:
    """Which variants of a model the catalogue names; `auto` stands for all of them."""
    own = {spec.variant for spec in catalogue.versions(model).values()}
    for pipeline in catalogue.pipelines.values():
        for member in pipeline.ensemble.members:
            if member.model == model and member.variant is not None:
                own.add(member.variant)
        shadows = pipeline.shadow.members if pipeline.shadow is not None else ()
        own |= {shadow.variant for shadow in shadows if shadow.model == model}
    recipes = [one for one in catalogue.recipes.values() if one.model == model]
    made = {variant for one in recipes for variant in one.variants()}
    return frozenset(own | made | set(BUILT))


def _unwanted(catalogue: Catalogue, cards: Sequence[Card]) -> list[Card]:
    return [card for card in cards if not _is_named(catalogue, card)]


def _unwanted_ensembles(store: Store, catalogue: Catalogue) -> list[Path]:
    files = sorted(store.root.glob("ensembles/[!.]*.json"))
    known = catalogue.pipelines
    return [file for file in files if file.stem.partition(APART)[0] not in known]


def _is_named(catalogue: Catalogue, card: Card) -> bool:
    if card.version not in catalogue.versions(card.model):
        return False
    named = named_variants(catalogue, card.model)
    return card.variant in named or AUTO in named


def _older(file: Path, grace_s: float) -> bool:
    age = age_s(file)
    return age is not None and age >= grace_s


def _garbage(file: Path, reason: str) -> Garbage | None:
    try:
        return Garbage(file, file.stat().st_size, reason)
    except FileNotFoundError:
        return None

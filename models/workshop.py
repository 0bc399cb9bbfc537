"""What a build works with, and what it hands back."""

from dataclasses import dataclass, replace
from pathlib import Path

from configs.catalogue import Catalogue
from configs.model import ModelSpec
from models.card import Card, EnsembleCard
from models.errors import NotInCatalogue, StoreCorrupt, VariantNotFound
from models.materials import Materials, ReadableMaterials
from models.progress import Progress, silent
from models.remote import Asked, Remote
from models.store import Store


@dataclass(frozen=True, slots=True)
class Built:
    """One card, and whether it was made now or found as it must be."""

    card: Card | EnsembleCard
    fresh: bool


class Workshop:
    """A catalogue, the store its variants go to, and what builds of one run share."""

    def __init__(
        self,
        catalogue: Catalogue,
        store: Store,
        cache: Path,
        progress: Progress = silent,
        remote: Remote | None = None,
    ) -> None:
        self.catalogue, self.store, self.cache = catalogue, store, cache
        self.remote = remote
        self.materials = Materials(catalogue, cache)
        self.readable = ReadableMaterials(catalogue, cache)
        self._progress = progress

    def at(self, spec: ModelSpec) -> "Workshop":
        """The same for one version of a model, in the place of its newest."""
        if self.catalogue.models.get(spec.id) == spec:
            return self
        models = {**self.catalogue.models, spec.id: spec}
        catalogue = replace(self.catalogue, models=models)
        return Workshop(catalogue, self.store, self.cache, self._progress, self.remote)

    def require(self, model: str) -> ModelSpec:
        """The Spec of `model`.

        Raises:
            NotInCatalogue: there is none.
        """
        if model not in self.catalogue.models:
            raise NotInCatalogue(model, tuple(self.catalogue.models))
        return self.catalogue.models[model]

    def require_version(self, model: str, version: int | None) -> ModelSpec:
        """The Spec of one version of `model`; None: the newest.

        Raises:
            NotInCatalogue: there is none.
        """
        newest, known = self.require(model), self.catalogue.versions(model)
        if version is None:
            return newest
        if version not in known:
            named = tuple(f"{model}@{number}" for number in known)
            raise NotInCatalogue(f"{model}@{version}", named)
        return known[version]

    def ready(self, model: str, variant: str, build_key: str) -> Card | None:
        """A variant that is stored whole and was built from the same; None: none is."""
        try:
            card = self.store.card(model, self.require(model).version, variant)
        except (VariantNotFound, StoreCorrupt):
            return None
        if card.build_key != build_key:
            return None
        whole = all(self.store.is_intact(fact) for fact in card.stored().values())
        return card if whole else None

    def obtain(self, model: str, variant: str, build_key: str) -> Card | None:
        """A variant built from the same, here or by another machine; None: there is none.

        Raises:
            StoreUnwritable: the disk is full or refuses.
        """
        found = self.ready(model, variant, build_key)
        if found is not None or self.remote is None:
            return found
        version = self.require(model).version
        return self.remote.pull(self.store, Asked(model, version, variant, build_key))

    def publish(self, card: Card) -> Card:
        """Make a variant whose files are stored servable, with manifest and golden outputs.

        Raises:
            StoreCorrupt: a file of it is missing or has changed.
            StoreUnwritable: the disk is full or refuses.
        """
        from models.provenance import seal

        sealed = seal(self.store, card)
        self.store.save_card(sealed)
        if self.remote is not None:
            self.remote.push(self.store, sealed)
        return sealed

    def progress_of(self, name: str) -> Progress:
        """The progress of one model or pipeline among others."""

        def tell(step: str, done: int, total: int) -> None:
            self._progress(f"{name}: {step}", done, total)

        return tell

"""What stands behind exported files: gathered once a variant, before any is written."""

from collections.abc import Iterator, Mapping, Sequence

from configs.catalogue import Catalogue
from configs.device import DeviceSpec
from configs.environment import Environment
from edge.evidence.gathering import Found, gather
from edge.evidence.variants import fronts
from edge.exporting.choice import Candidate
from edge.exporting.folder import candidate
from models.card import Card
from models.errors import ModelError, NotExplained, StoreCorrupt, VariantNotFound
from models.recipes.compare import Contender
from models.store import Store
from serve_app.cli.console import bars
from serve_app.cli.optimize import open_engine

NO_EVIDENCE = "no evidence: not made here by the recipe as it is now, or without photos"
"""What to say of a file that is exported without."""


class Prover:
    """Gathers the evidence of chosen variants; `catalogue` has the recipes they are of."""

    def __init__(
        self, environment: Environment, catalogue: Catalogue, model: str
    ) -> None:
        self._environment, self._catalogue = environment, catalogue
        self._store = Store(environment.store)
        self._spec = catalogue.models[model]
        self._found: dict[str, Found | None] = {}

    def fronts(
        self, devices: Sequence[DeviceSpec]
    ) -> tuple[Mapping[str, Sequence[Contender]], tuple[str, ...]]:
        """Every sound variant of the model over `devices`; why others are left out."""
        held: dict[str, list[Candidate]] = {device.id: [] for device in devices}
        left: list[str] = []
        for variant in self._variants():
            try:
                found = self._over(variant, devices)
            except ModelError as error:
                left.append(f"{variant} is left out of the comparison: {error}")
            else:
                for one in found:
                    held[one.readiness.device].append(one)
        return fronts(held), tuple(left)

    def _variants(self) -> Iterator[str]:
        """Names of the stored variants of the model, readable or not."""
        place = (self._spec.id, str(self._spec.version))
        for file in self._store.card_files():
            if file.parts[-3:-1] == place:
                yield file.stem

    def _over(self, variant: str, devices: Sequence[DeviceSpec]) -> list[Candidate]:
        """A variant held against each device; nothing when it is for none of them."""
        card = self._store.card(self._spec.id, self._spec.version, variant)
        if not any(card.form in device.forms for device in devices):
            return []
        return [candidate(self._store, card, device) for device in devices]

    def proved(self, chosen: Candidate) -> Found | None:
        """The evidence of a variant; None: nothing here can gather it, see `NO_EVIDENCE`.

        Raises:
            NotExplained: it gives other answers than it should, and not by close calls.
            ModelError: a dataset cannot be had, or a runtime refuses the file.
        """
        card = chosen.card
        if card.variant not in self._found:
            self._found[card.variant] = self._gathered(card)
        found = self._found[card.variant]
        if found is not None and found.evidence.unexplained:
            findings = found.evidence.unexplained
            raise NotExplained(card.model, card.variant, findings)
        return found

    def _gathered(self, card: Card) -> Found | None:
        """None: nothing of it lies here."""
        if card.recipe is None:
            return None
        with bars() as progress:
            engine = open_engine(self._environment, self._catalogue, progress)
            plan = engine.plan(card.recipe.id)
            made_here = all(step.done for step in plan.steps)
            if not made_here or plan.build_key != card.build_key:
                return None
            with engine.inspected(plan) as inspected:
                return gather(inspected, self._served(), self._labels())

    def _served(self) -> tuple[Store, Card] | None:
        """The stored variant that the cluster serves, if it is ONNX."""
        spec = self._spec
        try:
            card = self._store.card(spec.id, spec.version, spec.variant)
        except (VariantNotFound, StoreCorrupt):
            return None
        return (self._store, card) if card.form == "onnx" else None

    def _labels(self) -> list[str]:
        if self._spec.labels is None:
            return []
        file = self._catalogue.root / self._spec.labels
        return file.read_text(encoding="utf-8").splitlines()

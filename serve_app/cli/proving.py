"""What stands behind exported files: gathered once a variant, put beside every file of it."""

from collections.abc import Mapping, Sequence

from configs.catalogue import Catalogue
from configs.device import DeviceSpec
from configs.environment import Environment
from edge.evidence.gathering import Found, gather
from edge.evidence.variants import fronts
from edge.evidence.writing import Beside, add
from edge.exporting.choice import Candidate
from edge.exporting.folder import Exported, candidate
from models.card import Card
from models.errors import StoreCorrupt, VariantNotFound
from models.recipes.compare import Contender
from models.store import Store
from serve_app.cli.console import bars
from serve_app.cli.optimize import open_engine


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
    ) -> Mapping[str, Sequence[Contender]]:
        """Every stored variant of the model that is for devices, over `devices`."""
        cards = self._store.variants(self._spec.id, self._spec.version)
        files = [card for card in cards if any(card.form in d.forms for d in devices)]
        return fronts(
            {d.id: [candidate(self._store, one, d) for one in files] for d in devices}
        )

    def prove(
        self,
        made: Exported,
        device: DeviceSpec,
        shown: tuple[Mapping[str, Sequence[Contender]], Mapping[str, str]],
    ) -> Found | None:
        """Put the evidence of `made` into its folder, beside `shown`: fronts and choices.

        Raises:
            ModelError: a dataset cannot be had, or a runtime refuses the file.
        """
        found = self._of(made.candidate)
        add(made.folder, made.candidate, device, Beside(found, *shown))
        return found

    def _of(self, chosen: Candidate) -> Found | None:
        card = chosen.card
        if card.variant not in self._found:
            self._found[card.variant] = self._gathered(card)
        return self._found[card.variant]

    def _gathered(self, card: Card) -> Found | None:
        """None: nothing of it is here, another machine has made it."""
        if card.recipe is None or card.form != "litert":
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

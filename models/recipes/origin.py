"""What a recipe starts from and what it is compared with, as pieces on the shelf."""

import shutil
from collections.abc import Mapping
from pathlib import Path

from configs.model import Artefact, ModelSpec
from configs.recipe import RecipeSpec
from models import keys
from models.build import build_fp32
from models.card import Card
from models.errors import BuildFailed
from models.recipes.bench import Rooms, Teacher
from models.recipes.pieces import ONNX, Piece
from models.recipes.plan import Planner
from models.recipes.shelf import Make, Shelf
from models.recipes.toolbox import Toolbox, tool
from models.recipes.voters import Voter
from models.sources import fetch
from models.workshop import Workshop


class Origins:
    """Fetches, or makes from the catalogue, what is there before the first step."""

    def __init__(
        self, workshop: Workshop, toolbox: Toolbox, shelf: Shelf, planner: Planner
    ) -> None:
        self._workshop, self._toolbox = workshop, toolbox
        self._shelf, self._planner = shelf, planner

    def source(self, recipe: RecipeSpec) -> Piece | None:
        """The piece before the first step; None: a fresh network, or another recipe's.

        Raises:
            ModelError: it cannot be fetched or converted.
        """
        source = recipe.source
        if source.model is not None:
            return self.model(source.model, self._planner.wants_torch(recipe))
        if source.files is not None:
            key = self._planner.source_key(recipe)
            return self._shelf.make(key, self._fetched(recipe.id, source.files))
        return None

    def model(self, model: str, torch: bool = False) -> Piece:
        """A model's own weights, as ONNX and, if asked, as something to train.

        Raises:
            ModelError: they cannot be fetched or converted.
        """
        spec = self._workshop.require(model)

        def make(target: Path, rooms: Rooms) -> Mapping[str, object]:
            card, _ = build_fp32(self._workshop, spec)
            self._link(card, target)
            if torch:
                self._adopt(spec, target)
            return {"model": model, "fp32": card.model_file.sha256}

        return self._shelf.make(self._planner.model_key(model, torch), make)

    def stored(self, voter: Voter) -> Teacher:
        """A stored ONNX variant, as one voice among others.

        Raises:
            StoreCorrupt: its file is missing or has changed.
        """
        card = voter.card

        def make(target: Path, rooms: Rooms) -> Mapping[str, object]:
            self._link(card, target)
            return {"model": card.model, "variant": card.variant}

        key = keys.hash_of({"stored": card.model_file.sha256})
        return Teacher(
            self._shelf.make(key, make),
            voter.spec,
            voter.weight,
            voter.temperature,
            voter.by_majority,
        )

    def _link(self, card: Card, target: Path) -> None:
        stored = self._workshop.store.file(card.model_file)
        shutil.copyfile(stored, target / ONNX)

    def _adopt(self, spec: ModelSpec, target: Path) -> None:
        if spec.weights is None:
            raise BuildFailed(spec.id, "source", "it has no weights of its own")
        progress = self._workshop.progress_of(spec.id)
        weights = fetch(spec.weights, self._workshop.cache, progress)
        tool(spec.id, "source", self._toolbox.adopt, "build")(spec, weights, target)

    def _fetched(self, recipe: str, files: Mapping[str, Artefact]) -> Make:
        progress = self._workshop.progress_of(recipe)

        def make(target: Path, rooms: Rooms) -> Mapping[str, object]:
            for name, artefact in files.items():
                fetched = fetch(artefact, self._workshop.cache, progress)
                shutil.copyfile(fetched, target / name)
            return {name: artefact.sha256 for name, artefact in files.items()}

        return make

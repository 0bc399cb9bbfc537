"""What a step may use: the task, its data, logits that are computed once, scratch room."""

import tempfile
from collections import OrderedDict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from configs.model import FrontEnd, ModelSpec
from configs.recipe import BarSpec, RecipeDataSpec, RecipeSpec
from configs.steps import ReferenceSpec
from models.errors import BuildFailed
from models.keys import hash_of, tool_versions
from models.materials import Materials
from models.progress import Progress, silent
from models.recipes.pieces import Piece
from models.runtime import Runner, logits_of_crops
from models.store import digest

Floats = NDArray[np.float32]

KEPT_LOGITS = 16
NO_IMAGE = "photos need an image block in the model's spec, recordings an audio block"


@dataclass(frozen=True, slots=True)
class Teacher:
    """One model that answers for others: its piece, what it takes, what its vote counts.

    `temperature` divides its logits. `by_majority`: it votes, as all beside it do, for
    its first class. How several vote: `models.recipes.voting`.
    """

    piece: Piece
    spec: ModelSpec
    weight: float = 1.0
    temperature: float = 1.0
    by_majority: bool = False


class Teachers(Protocol):
    """Finds what a reference names."""

    def __call__(self, reference: ReferenceSpec) -> tuple[Teacher, ...]:
        """Its models; one, or the members of an ensemble with weights that sum to 1."""
        ...


def no_teachers(reference: ReferenceSpec) -> tuple[Teacher, ...]:
    """Finds nobody."""
    return ()


@dataclass(frozen=True, slots=True)
class Rooms:
    """Folders of one run.

    `scratch` is empty and goes with the step; `checkpoints` stays when a run is cut off
    and goes when the step is done; `logits` is kept.
    """

    scratch: Path
    checkpoints: Path
    logits: Path

    @property
    def home(self) -> Path:
        """HOME: the tool environments and engines below it are for every recipe."""
        return self.logits.parents[1]


@dataclass(slots=True)
class Bench:
    """The place where one step of one recipe works, for the model `spec`."""

    recipe: RecipeSpec
    spec: ModelSpec
    materials: Materials
    rooms: Rooms
    teachers: Teachers = no_teachers
    progress: Progress = silent
    _logits: OrderedDict[str, Floats] = field(default_factory=OrderedDict, repr=False)

    @property
    def seed(self) -> int:
        """Everything drawn at random is drawn from it."""
        return self.recipe.seed

    @property
    def data(self) -> RecipeDataSpec:
        """Which datasets are for what."""
        return self.recipe.data

    @property
    def bar(self) -> BarSpec:
        """What the variant must reach in the end."""
        return self.recipe.bar

    @property
    def scratch(self) -> Path:
        """An empty folder that goes with the step."""
        return self.rooms.scratch

    @property
    def checkpoints(self) -> Path:
        """A folder that outlives a crash and goes when the step is done."""
        return self.rooms.checkpoints

    def pieces_of(self, reference: ReferenceSpec) -> tuple[Teacher, ...]:
        """The models that `reference` names, ready to be asked.

        Raises:
            ModelError: one of them was never made.
        """
        return self.teachers(reference)

    def logits_of(
        self, piece: Piece, dataset: str, spec: ModelSpec | None = None
    ) -> Floats:
        """The logits of `piece` on `dataset`, [n, classes]; asked twice, computed once.

        Args:
            piece: ONNX. What has a key is remembered on disk as well.
            dataset: an id of the catalogue.
            spec: what the piece takes, when it is not this recipe's model.

        Raises:
            BuildFailed: it is not ONNX, or the model takes no photos.
            ModelError: a photo cannot be had.
        """
        image = (spec or self.spec).front_end
        if image is None:
            raise BuildFailed(self.recipe.id, "evaluation", NO_IMAGE)
        if not piece.is_onnx:
            reason = "only ONNX can be asked; put a step `export` before"
            raise BuildFailed(self.recipe.id, "evaluation", reason)
        name = self._name(piece, dataset, image)
        if name not in self._logits:
            kept = self.rooms.logits / f"{name}.npy" if piece.key else None
            self._logits[name] = self._recalled(kept, piece, dataset, image)
            while len(self._logits) > KEPT_LOGITS:
                self._logits.popitem(last=False)
        return self._logits[name]

    def _recalled(
        self, kept: Path | None, piece: Piece, dataset: str, image: FrontEnd
    ) -> Floats:
        if kept is not None and kept.is_file():
            found: Floats = np.load(kept)
            return found
        crops = self.materials.crops(dataset, image, self.progress)
        asked = logits_of_crops(Runner(piece.onnx), crops, image, self.progress)
        if kept is not None:
            _save(kept, asked)
        return asked

    def _name(self, piece: Piece, dataset: str, image: FrontEnd) -> str:
        return hash_of(
            {
                "model": digest(piece.onnx),
                "dataset": self.materials.sha256(dataset),
                "image": image.model_dump(mode="json"),
                "skip_broken": self.data.skip_broken,
                "tools": tool_versions(("onnxruntime", "pillow")),
            }
        )


def _save(target: Path, logits: Floats) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(
        dir=target.parent, prefix=".new-", delete=False
    ) as written:
        np.save(written, logits)
    Path(written.name).replace(target)

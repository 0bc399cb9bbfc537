"""A workbench with the tiny vision model on it, to run one step in milliseconds."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from configs.catalogue import load_catalogue
from configs.recipe import RecipeSpec
from models.materials import Materials
from models.recipes.bench import Bench, Rooms
from models.recipes.pieces import Piece
from tests.tiny_vision import make_tiny_vision


class TinyBench:
    """Model eye-a as the source piece, dataset colours, and a folder for each step."""

    def __init__(self, folder: Path) -> None:
        self.folder, self._made = folder, 0
        self.catalogue = load_catalogue(make_tiny_vision(folder))
        self.source = self.put((folder / "eye-a.onnx").read_bytes())

    def put(self, onnx: bytes) -> Piece:
        """A piece with this model."""
        piece = Piece(self.empty("piece"))
        piece.onnx.write_bytes(onnx)
        return piece

    def empty(self, name: str) -> Path:
        """A new empty folder."""
        self._made += 1
        folder = self.folder / f"{name}-{self._made}"
        folder.mkdir()
        return folder

    def bench(self, step: Mapping[str, object], **recipe: Any) -> Bench:
        """What a step of a recipe of this one step works with."""
        said = {
            "id": "tiny",
            "title": "Tiny",
            "model": "eye-a",
            "variant": "tiny-onnx",
            "source": {"model": "eye-a"},
            "data": {"calibration": "colours", "evaluation": ["colours"]},
            "steps": [step],
        }
        spec = RecipeSpec.model_validate({**said, **recipe})
        return Bench(
            recipe=spec,
            spec=self.catalogue.models["eye-a"],
            materials=Materials(self.catalogue, self.folder / "cache"),
            rooms=Rooms(
                self.empty("scratch"), self.empty("checkpoints"), self.folder / "logits"
            ),
        )

"""What a step may ask of its bench."""

from pathlib import Path

import numpy as np
import pytest

from configs.catalogue import Catalogue, load_catalogue
from configs.recipe import RecipeSpec
from models.errors import BuildFailed
from models.materials import Materials
from models.recipes.bench import Bench, Rooms
from models.recipes.pieces import Piece
from models.recipes.toolbox import tool
from tests.tiny_vision import make_tiny_vision


@pytest.fixture
def catalogue(tmp_path: Path) -> Catalogue:
    return load_catalogue(make_tiny_vision(tmp_path))


def bench(catalogue: Catalogue, folder: Path) -> Bench:
    recipe = RecipeSpec.model_validate(
        {
            "id": "r",
            "title": "",
            "model": "eye-a",
            "variant": "v",
            "source": {"model": "eye-a"},
            "steps": [{"step": "fuse"}],
        }
    )
    rooms = Rooms(folder / "scratch", folder / "checkpoints", folder / "logits")
    materials = Materials(catalogue, folder / "cache")
    return Bench(recipe, catalogue.models["eye-a"], materials, rooms)


def piece(folder: Path, key: str = "") -> Piece:
    target = folder / "piece"
    target.mkdir(exist_ok=True)
    (target / "model.onnx").write_bytes((folder / "eye-a.onnx").read_bytes())
    return Piece(target, key)


def test_logits_of_a_kept_piece_are_remembered_on_disk(catalogue, tmp_path):
    first = bench(catalogue, tmp_path).logits_of(piece(tmp_path, "k"), "colours")
    (kept,) = (tmp_path / "logits").iterdir()
    np.save(kept, first + 1)

    second = bench(catalogue, tmp_path).logits_of(piece(tmp_path, "k"), "colours")

    assert first.shape == (24, 4)
    assert np.array_equal(second, first + 1)


def test_logits_of_a_candidate_are_not_kept(catalogue, tmp_path):
    bench(catalogue, tmp_path).logits_of(piece(tmp_path), "colours")

    assert not (tmp_path / "logits").exists()


def test_changed_file_is_asked_again(catalogue, tmp_path):
    asked = bench(catalogue, tmp_path)
    before = asked.logits_of(piece(tmp_path, "k"), "colours")
    other = (tmp_path / "eye-b.onnx").read_bytes()
    (tmp_path / "piece" / "model.onnx").write_bytes(other)

    after = asked.logits_of(Piece(tmp_path / "piece", "k"), "colours")

    assert not np.array_equal(before, after)


def test_only_onnx_can_be_asked(catalogue, tmp_path):
    (tmp_path / "torch").mkdir()

    with pytest.raises(BuildFailed, match="put a step `export` before"):
        bench(catalogue, tmp_path).logits_of(Piece(tmp_path / "torch"), "colours")


def test_missing_library_is_named_with_its_extra():
    with pytest.raises(
        BuildFailed, match=r"r: s failed: gone is missing.*\[tensorrt\]"
    ):
        tool("r", "s", "gone:run", "tensorrt")


def test_form_is_what_the_last_step_left(tmp_path):
    for name in ("config.json", "model.onnx"):
        (tmp_path / name).touch()

    assert Piece(tmp_path).form == "onnx"
    assert Piece(tmp_path / "none").form is None

"""ONNX steps run by the engine, as recipes: stored, cut to readable photos, refused."""

import shutil
from pathlib import Path

import pytest
import yaml

from configs.catalogue import load_catalogue
from models.errors import SourceUnreachable
from models.recipes.engine import Engine, Result
from models.steps.registry import TOOLBOX
from models.store import Store
from models.workshop import Workshop
from tests.tiny_vision import PHOTOS, make_tiny_vision


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return make_tiny_vision(tmp_path)


def ran(root: Path, steps: list[object], **data: object) -> Result:
    (root / "recipes").mkdir()
    said = {
        "id": "tiny",
        "title": "A test",
        "model": "eye-a",
        "variant": "tiny",
        "source": {"model": "eye-a"},
        "data": {"calibration": "colours", "evaluation": ["colours"], **data},
        "steps": steps,
    }
    (root / "recipes" / "tiny.yaml").write_text(yaml.safe_dump(said))
    folder = root.parent
    workshop = Workshop(load_catalogue(root), Store(folder / "store"), folder / "cache")
    return Engine(workshop, TOOLBOX, folder / "workshop").run("tiny")


def add_dull(root: Path) -> dict[str, object]:
    """A copy of dataset colours, called dull, with one broken photo; data that use it."""
    folder = root.parent / "dull"
    shutil.copytree(root.parent / "colours", folder)
    (folder / "07.png").write_bytes(b"\x89PNG\r\n\x1a\nbroken")
    said = {
        "id": "dull",
        "title": "Dull",
        "licence": "none",
        "source": f"file://{folder}",
    }
    (root / "datasets" / "dull.yaml").write_text(yaml.safe_dump(said))
    return {"calibration": "dull", "evaluation": ["dull"]}


def test_steps_follow_each_other_and_everything_is_measured(root):
    result = ran(root, [{"step": "fuse", "level": "basic"}, {"step": "search-int8"}])

    judged = result.judged
    assert not result.refused
    assert judged.measured is not None
    assert judged.measured.exact_agreement is not None
    assert judged.quality[0].bootstrap is not None
    assert judged.reference is not None
    assert {one.batch_size for one in judged.latency} == {1, 8, 32}


def test_broken_photo_ends_the_recipe_and_is_named(root):
    data = add_dull(root)

    with pytest.raises(SourceUnreachable, match=r"07\.png"):
        ran(root, [{"step": "quantize-static"}], **data)


def test_broken_photo_is_skipped_when_told_to_and_named_in_the_facts(root):
    data = add_dull(root)

    result = ran(root, [{"step": "quantize-static"}], **data, skip_broken=True)

    facts = result.pieces[-1].facts
    assert facts["skipped"] == ["07.png"]
    assert facts["photos"] == PHOTOS - 1
    assert result.judged.quality[0].top1.n == PHOTOS - 1

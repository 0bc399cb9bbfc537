"""A pipeline that was never made teaches a student, by one command."""

from pathlib import Path

import numpy as np
import pytest
import yaml
from typer.testing import CliRunner

from models.recipes.shelf import Shelf
from models.store import Store
from serve_app.cli.main import app
from tests.tiny_training import (
    CLASSES,
    SIDE,
    STUDENT,
    TEACHER,
    make_training_bench,
)

MEMBERS, STUDENTS = ("duo-a", "duo-b"), "small"
TRAINED = {"epochs": 6, "batch": 16, "lr": 0.01}


@pytest.fixture
def catalogue(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two members, each with a recipe, their pipeline, and a student's recipe."""
    make_training_bench(tmp_path, {"step": "export"})
    root = tmp_path / "catalogue"
    for seed, member in enumerate(MEMBERS):
        save(root, "models", model(member))
        step = {"step": "train", "options": TEACHER, **TRAINED}
        save(root, "recipes", recipe(member, "residual", step, seed=seed))
    save(root, "models", model(STUDENTS))
    save(root, "pipelines", pipeline())
    distil = {
        "step": "distil",
        "teacher": {"pipeline": "duo"},
        "student": "separable",
        "options": STUDENT,
        "compare_without_teacher": False,
        **TRAINED,
    }
    bar = {"against": {"pipeline": "duo"}, "max_drop_points": 100}
    save(root, "recipes", recipe(STUDENTS, "separable", distil, bar=bar))
    monkeypatch.setenv("HEADWATER_CATALOGUE", str(root))
    monkeypatch.setenv("HEADWATER_HOME", str(tmp_path / "home"))
    return root


def save(root: Path, kind: str, content: dict[str, object]) -> None:
    (root / kind).mkdir(exist_ok=True)
    file = root / kind / f"{content['id']}.yaml"
    file.write_text(yaml.safe_dump(content))


def model(name: str) -> dict[str, object]:
    return {
        "id": name,
        "title": name,
        "licence": "MIT",
        "architecture": "recipe",
        "inputs": [{"name": "input", "datatype": "FP32", "shape": [3, SIDE, SIDE]}],
        "outputs": [{"name": "logits", "datatype": "FP32", "shape": [CLASSES]}],
        "image": {"size_px": SIDE},
        "evaluation": ["test"],
        "variant": "fp32",
    }


def recipe(
    name: str, source: str, step: dict[str, object], **more: object
) -> dict[str, object]:
    return {
        "id": name,
        "title": name,
        "model": name,
        "variant": "fp32",
        "source": {"architecture": source},
        "data": {"train": "train", "evaluation": ["test"]},
        "steps": [step, {"step": "export"}],
        "bar": {"min_top1": 0.5},
        **more,
    }


def pipeline() -> dict[str, object]:
    return {
        "id": "duo",
        "title": "Two of them",
        "inputs": [{"name": "image", "datatype": "BYTES", "shape": []}],
        "preprocess": {"kind": "image"},
        "ensemble": {
            "members": [{"model": member} for member in MEMBERS],
            "weights": [3, 1],
            "temperatures": "fitted",
            "fit_on": "test",
        },
        "postprocess": {"kind": "top_k", "k": 2},
    }


def optimize(*arguments: str) -> str:
    result = CliRunner().invoke(app, ["optimize", STUDENTS, *arguments])
    assert result.exit_code == 0, result.output
    return result.stdout


def test_student_of_a_pipeline_is_made_with_all_that_it_needs(catalogue, tmp_path):
    told = optimize()

    store = Store(tmp_path / "home" / "store")
    made = {(card.model, card.variant) for card in store.cards()}
    assert made == {(name, "fp32") for name in (*MEMBERS, STUDENTS)}
    assert store.ensemble("duo").members == MEMBERS
    assert "stored  small fp32" in told
    card = store.card(STUDENTS, 1, "fp32")
    assert card.quality[0].top1.value > 0.8
    assert card.quality[0].agreement is not None, "with the vote of both"
    assert card.quality[0].agreement.value > 0.8
    shelf = Shelf(tmp_path / "home" / "workshop")
    soft = sorted((shelf.root / "logits").glob("soft-*.npy"))
    assert [np.load(file).shape for file in soft] == [(220, CLASSES)] * 6
    again = optimize()
    assert "ready   small fp32" in again
    assert sorted((shelf.root / "logits").glob("soft-*.npy")) == soft

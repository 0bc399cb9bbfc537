"""The catalogue: what comes with Headwater, and what a wrong one is told."""

from pathlib import Path

import pytest
import yaml

from configs.catalogue import load_catalogue, packaged_catalogue
from configs.dataset import DatasetSpec
from configs.errors import ConfigError
from configs.model import ModelSpec
from configs.pipeline import EnsembleSpec
from tests.tiny_models import make_tiny_catalogue


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return make_tiny_catalogue(tmp_path)


def edit(root: Path, file: str, **changes: object) -> None:
    path = root / file
    path.write_text(yaml.safe_dump({**yaml.safe_load(path.read_text()), **changes}))


def test_packaged_catalogue_holds_together():
    catalogue = load_catalogue(packaged_catalogue())

    members = [m.model for m in catalogue.pipelines["vision"].ensemble.members]
    assert members == [f"efficientnet-lite{n}" for n in range(3)]
    assert all(member in catalogue.models for member in members)


def test_packaged_models_promise_what_their_image_block_gives():
    models = load_catalogue(packaged_catalogue()).models.values()
    for model in models:
        if model.image is not None:
            side = model.image.size_px
            assert model.inputs[0].shape == (3, side, side), model.id


def test_packaged_labels_are_a_thousand_different_names():
    labels = (packaged_catalogue() / "labels/imagenet-1k.txt").read_text().splitlines()

    assert len({label.lower() for label in labels}) == len(labels) == 1000
    assert (labels[0], labels[281], labels[999]) == ("tench", "tabby", "toilet tissue")


def test_second_catalogue_is_read_like_the_first(root):
    catalogue = load_catalogue(root)

    assert set(catalogue.models) == {"tiny-a", "tiny-b"}
    assert catalogue.pipelines["tiny"].preprocess.kind == "tensor"


@pytest.mark.parametrize(
    ("file", "change", "key", "reason"),
    [
        ("models/tiny-a.yaml", {"batchin": {}}, "batchin", "unknown key"),
        ("models/tiny-a.yaml", {"id": "tiny-c"}, "id", "must be 'tiny-a'"),
        ("models/tiny-a.yaml", {"id": "Tiny A"}, "id", "should match pattern"),
        ("models/tiny-a.yaml", {"labels": "labels/x.txt"}, "labels", "no such file"),
        ("models/tiny-a.yaml", {"evaluation": ["x"]}, "datasets", "'x' is not in"),
        ("models/tiny-a.yaml", {"version": 0}, "version", "greater than or equal to 1"),
        ("pipelines/tiny.yaml", {"max_rows": 0}, "max_rows", "greater than"),
        (
            "pipelines/tiny.yaml",
            {"ensemble": {"members": [{"model": "gone"}]}},
            "ensemble.members",
            "'gone' is not in the catalogue",
        ),
        (
            "pipelines/tiny.yaml",
            {"ensemble": {"members": [{"model": "tiny-a"}], "fit_on": "gone"}},
            "ensemble.fit_on",
            "'gone' is not in the catalogue",
        ),
        ("pipelines/tiny.yaml", {"layout": "scattered"}, "layout", "fused"),
    ],
)
def test_mistake_is_told_with_file_and_key(root, file, change, key, reason):
    edit(root, file, **change)

    with pytest.raises(ConfigError) as refused:
        load_catalogue(root)

    assert str(refused.value.file).endswith(file)
    assert refused.value.key.startswith(key)
    assert reason in str(refused.value)


def test_pipeline_may_not_have_the_name_of_a_model(root):
    content = yaml.safe_load((root / "pipelines/tiny.yaml").read_text())
    (root / "pipelines/tiny-a.yaml").write_text(
        yaml.safe_dump({**content, "id": "tiny-a"})
    )

    with pytest.raises(ConfigError, match="a model has the same name"):
        load_catalogue(root)


def test_int8_needs_a_calibration_block(root):
    edit(root, "models/tiny-a.yaml", variant="int8-onnx")

    with pytest.raises(ConfigError, match="int8-onnx needs a calibration block"):
        load_catalogue(root)


def test_empty_folder_is_an_empty_catalogue(tmp_path):
    assert load_catalogue(tmp_path).models == {}


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ({"weights": "fitted"}, "needs fit_on"),
        ({"weights": [0.5, 0.5]}, "one number a member"),
        ({"weights": [-1.0]}, "must be >= 0"),
        ({"weights": [0.0]}, "not all zero"),
    ],
)
def test_weights_must_fit_the_members(said, reason):
    with pytest.raises(ValueError, match=reason):
        EnsembleSpec.model_validate({"members": [{"model": "a"}], **said})


@pytest.mark.parametrize("pattern", [r"\d+", r"(\d)(\d)"])
def test_label_pattern_has_exactly_one_group(pattern):
    with pytest.raises(ValueError, match="exactly one group"):
        DatasetSpec(
            id="d", title="", licence="", source="file://x", label_pattern=pattern
        )


def test_artefact_is_pinned_by_a_whole_sha256():
    said = load_catalogue(packaged_catalogue()).models["efficientnet-lite0"]
    content = said.model_dump()
    content["weights"] = {"uri": "file:///x", "sha256": "abc"}

    with pytest.raises(ValueError, match=r"weights\.sha256"):
        ModelSpec.model_validate(content)


RECIPE = {
    "id": "small",
    "title": "A test",
    "model": "tiny-a",
    "variant": "small",
    "source": {"model": "tiny-a"},
    "steps": [{"step": "fuse"}],
}


def add_recipe(root: Path, **changes: object) -> None:
    said = {**RECIPE, **changes}
    (root / "recipes").mkdir(exist_ok=True)
    (root / "recipes" / f"{said['id']}.yaml").write_text(yaml.safe_dump(said))


def test_packaged_recipes_are_of_packaged_models():
    catalogue = load_catalogue(packaged_catalogue())

    made = {(recipe.model, recipe.variant) for recipe in catalogue.recipes.values()}
    for number in range(3):
        assert (f"efficientnet-lite{number}", "int8-auto") in made


def test_recipe_is_read(root):
    add_recipe(root)

    recipe = load_catalogue(root).recipes["small"]

    assert [step.step for step in recipe.steps] == ["fuse"]
    assert recipe.bar.max_drop_points == 1.0


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"model": "gone"}, "model: 'gone' is not in the catalogue"),
        ({"source": {"model": "gone"}}, "model: 'gone' is not in the catalogue"),
        ({"source": {"recipe": "gone"}}, "recipe: 'gone' is not in the catalogue"),
        ({"source": {}}, "name one of model, architecture, recipe and files"),
        ({"source": {"model": "tiny-a", "after": 1}}, "after needs recipe"),
        ({"source": {"recipe": "small"}}, "needs itself: small → small"),
        ({"data": {"train": "gone"}}, "data: 'gone' is not in the catalogue"),
        ({"variant": "int8-onnx"}, "the one that `headwater models build` makes"),
        ({"steps": []}, "at least 1 item"),
        ({"steps": [{"step": "shrink"}]}, "steps.0: Input tag 'shrink'"),
        ({"steps": [{"step": "fuse", "lvl": 1}]}, "steps.0.fuse.lvl: unknown key"),
        (
            {"steps": [{"step": "quantize-static", "calibration": "gone"}]},
            "data: 'gone' is not in the catalogue",
        ),
        (
            {
                "steps": [
                    {"step": "distil", "student": "s", "teacher": {"pipeline": "gone"}}
                ]
            },
            "pipeline: 'gone' is not in the catalogue",
        ),
        (
            {"steps": [{"step": "tensorrt", "profile": {"min": 9}}]},
            "min, opt and max must not fall",
        ),
        (
            {"source": {"files": {"a/b": {"uri": "file://x", "sha256": "0" * 64}}}},
            "must be a plain file name",
        ),
    ],
)
def test_wrong_recipe_is_told_what_to_mend(root, changes, reason):
    add_recipe(root, **changes)

    with pytest.raises(ConfigError) as refused:
        load_catalogue(root)

    assert reason in str(refused.value)


def test_two_recipes_may_not_make_the_same_variant(root):
    add_recipe(root)
    add_recipe(root, id="twin")

    with pytest.raises(ConfigError, match="small already makes tiny-a small"):
        load_catalogue(root)


def test_source_after_a_step_that_the_other_recipe_lacks_is_refused(root):
    add_recipe(root)
    add_recipe(root, id="on", variant="on", source={"recipe": "small", "after": 2})

    with pytest.raises(ConfigError, match="must be <= 1, the steps of small, got 2"):
        load_catalogue(root)


def test_model_without_weights_says_that_recipes_make_it(root):
    edit(root, "models/tiny-a.yaml", architecture="recipe")

    with pytest.raises(ConfigError, match="weights are required, except of"):
        load_catalogue(root)

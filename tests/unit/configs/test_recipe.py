"""What a recipe may want for one device class, and which other recipes it needs."""

import pytest
import yaml
from pydantic import ValidationError

from configs.catalogue import load_catalogue
from configs.errors import ConfigError
from configs.recipe import RecipeSpec
from tests.tiny_vision import make_tiny_vision, write_recipe
from tests.versions import add_version

NO_PHOTOS = {"image": None, "calibration": None, "variant": "fp32-onnx"}
SHARE = {"metric": "top1", "min_top1_share": 0.9, "max_size_bytes": 4000}


def recipe(bars, bar=SHARE):
    return RecipeSpec.model_validate(
        {
            "id": "small",
            "title": "A test",
            "model": "tiny-a",
            "variant": "small",
            "source": {"model": "tiny-a"},
            "steps": [{"step": "fuse"}],
            "bar": bar,
            "bars": bars,
            "devices": ["mobile", "microcontroller"],
        }
    )


def test_class_may_want_more_than_the_recipe():
    wanted = {"min_top1_share": 0.95, "max_size_bytes": 2000, "max_estimate_ms": 20}

    found = recipe({"microcontroller": wanted}).bars["microcontroller"]

    assert found.model_dump(exclude_none=True) == wanted


@pytest.mark.parametrize(
    ("bars", "reason"),
    [
        ({"toaster": {"min_top1": 0.9}}, "toaster must be one of devices: mobile, mic"),
        ({"mobile": {}}, "must want something: one of max_drop_points, min_agreement"),
        ({"mobile": {"judged": "inside"}}, "must want something"),
        ({"mobile": {"max_bytes": 1}}, "Extra inputs are not permitted"),
        (
            {"mobile": {"min_top1_share": 0.5}},
            "bars.mobile: min_top1_share must be at least 0.9 as in bar, got 0.5",
        ),
        (
            {"mobile": {"max_size_bytes": 5000}},
            "bars.mobile: max_size_bytes must be at most 4000 as in bar, got 5000",
        ),
    ],
)
def test_bar_that_could_never_matter_is_refused(bars, reason):
    with pytest.raises(ValidationError) as refused:
        recipe(bars)

    assert reason in str(refused.value)


def test_smaller_number_that_must_be_reached_for_certain_is_no_looser():
    recipe({"mobile": {"min_top1_share": 0.85, "judged": "inside"}})


@pytest.mark.parametrize("judged", ["inside", None, "overlaps"])
def test_smaller_number_that_is_judged_no_more_strictly_is_refused(judged):
    with pytest.raises(ValidationError, match=r"min_top1_share must be at least 0\.9"):
        recipe(
            {"mobile": {"min_top1_share": 0.5, "judged": judged}},
            {**SHARE, "judged": "inside"},
        )


def test_agreement_that_a_metric_implies_is_asked_of_a_class_too():
    agreement = {"metric": "agreement"}

    with pytest.raises(
        ValidationError, match=r"min_agreement must be at least 0\.9 as"
    ):
        recipe({"mobile": {"min_agreement": 0.5}}, agreement)
    recipe({"mobile": {"min_agreement": 0.95, "max_drop_points": 5.0}}, agreement)


def test_points_lost_count_for_a_class_though_the_recipe_asks_for_a_share():
    recipe({"mobile": {"max_drop_points": 5.0}})


def test_recipe_whose_teacher_it_would_have_to_be_is_refused(tmp_path):
    root = make_tiny_vision(tmp_path)
    distil = {"step": "distil", "student": "s", "teacher": {"pipeline": "eyes"}}
    write_recipe(root, "own", distil, model="eye-a", variant="own")
    pipeline = root / "pipelines" / "eyes.yaml"
    said = pipeline.read_text()
    pipeline.write_text(said.replace("model: eye-a", "model: eye-a\n    variant: own"))

    with pytest.raises(ConfigError, match="needs itself: own → own"):
        load_catalogue(root)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        (
            {"outputs": [{"name": "logits", "datatype": "FP32", "shape": [5]}]},
            r"eye-a of eyes must be of other's task \('photos', \(5,\)\), is of",
        ),
        (NO_PHOTOS, r"task \('tensors', \(4,\)\), is of"),
    ],
)
def test_pipeline_of_another_task_teaches_nothing(tmp_path, changes, reason):
    root = make_tiny_vision(tmp_path)
    said = yaml.safe_load((root / "models" / "eye-a.yaml").read_text())
    other = {**said, "id": "other", **changes}
    (root / "models" / "other.yaml").write_text(yaml.safe_dump(other))
    distil = {"step": "distil", "student": "s", "teacher": {"pipeline": "eyes"}}
    write_recipe(root, "own", distil, model="other", source={"architecture": "s"})

    with pytest.raises(ConfigError, match=reason):
        load_catalogue(root)


def unlabelled(root):
    """The catalogue `root` with the dataset `plain`, which has no labels."""
    said = yaml.safe_load((root / "datasets" / "colours.yaml").read_text())
    plain = {**said, "id": "plain", "labelled": False}
    (root / "datasets" / "plain.yaml").write_text(yaml.safe_dump(plain))
    return root


DISTIL = {"step": "distil", "student": "s", "teacher": {"model": "eye-a"}}
QAT = {"step": "qat", "epochs": 1}


@pytest.mark.parametrize(
    ("key", "names", "steps"),
    [
        ("evaluation", ["plain"], [DISTIL]),
        ("evaluation", ["colours", "plain"], [{"step": "fuse"}]),
        ("train", "plain", [QAT]),
        ("validation", "plain", [QAT]),
        ("train", "plain", [DISTIL, QAT]),
    ],
)
def test_photos_whose_labels_are_needed_have_some(tmp_path, key, names, steps):
    root = unlabelled(make_tiny_vision(tmp_path))
    write_recipe(root, "own", *steps, data={key: names})

    with pytest.raises(ConfigError, match="plain must have labels") as refused:
        load_catalogue(root)

    assert refused.value.file.name == "own.yaml"
    assert refused.value.key == f"data.{key}"


def test_photos_that_a_model_is_judged_on_have_labels(tmp_path):
    root = unlabelled(make_tiny_vision(tmp_path))
    file = root / "models" / "eye-b.yaml"
    said = {**yaml.safe_load(file.read_text()), "evaluation": ["plain"]}
    file.write_text(yaml.safe_dump(said))

    with pytest.raises(ConfigError, match=r"eye-b\.yaml.*plain must have labels"):
        load_catalogue(root)


def test_student_may_learn_and_be_held_out_on_photos_without_labels(tmp_path):
    root = unlabelled(make_tiny_vision(tmp_path))
    data = {"train": "plain", "validation": "plain", "evaluation": ["colours"]}
    write_recipe(root, "own", DISTIL, data=data)

    assert load_catalogue(root).recipes["own"].data.train == "plain"


def test_older_version_of_itself_may_teach_a_recipe(tmp_path):
    root = make_tiny_vision(tmp_path)
    add_version(root, "eye-a", 7)
    pinned = {"members": [{"model": "eye-a", "version": 1, "variant": "own"}]}
    pipeline = root / "pipelines" / "eyes.yaml"
    said = {**yaml.safe_load(pipeline.read_text()), "ensemble": pinned}
    pipeline.write_text(yaml.safe_dump(said))
    distil = {**DISTIL, "teacher": {"pipeline": "eyes"}}
    write_recipe(root, "own", distil, model="eye-a", variant="own")

    catalogue = load_catalogue(root)

    assert catalogue.maker("eye-a", "own", 2) == catalogue.recipes["own"]
    assert catalogue.maker("eye-a", "own", 1) is None


def test_recipe_that_makes_a_variant_is_found_by_it(tmp_path):
    root = make_tiny_vision(tmp_path)
    write_recipe(root, "own", "fuse", model="eye-a", variant="fused")
    catalogue = load_catalogue(root)

    assert catalogue.maker("eye-a", "fused") == catalogue.recipes["own"]
    assert catalogue.maker("eye-a", "own") is None
    assert catalogue.maker("eye-b", "fused") is None

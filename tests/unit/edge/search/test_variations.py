"""The candidates of a search are recipes that share what they can."""

import pytest

from configs.catalogue import load_catalogue, packaged_catalogue
from edge.search.variations import including, trainer, variations, widened
from tests.fakes_search import a_recipe


def named(recipe):
    return {
        one.recipe.id.removeprefix(f"{recipe.id}-"): one for one in variations(recipe)
    }


def words(one):
    return [step.step for step in one.recipe.steps]


def test_every_combination_is_a_candidate_plain_ones_first():
    assert list(named(a_recipe())) == [
        "w50-p0-ptq", "w200-p0-ptq",
        "w50-p0-qat", "w50-p50-ptq", "w200-p0-qat", "w200-p50-ptq",
        "w50-p50-qat", "w200-p50-qat",
    ]  # fmt: skip


def test_candidate_is_a_recipe_of_its_own():
    one = named(a_recipe())["w50-p0-ptq"].recipe

    assert (one.id, one.variant, one.search) == (
        "find-w50-p0-ptq", "found-w50-p0-ptq", None,
    )  # fmt: skip
    assert type(one).model_validate(one.model_dump()) == one


def test_pruning_and_training_with_rounding_come_before_the_conversion():
    found = named(a_recipe())

    assert words(found["w50-p50-qat"]) == [
        "train", "prune-channels", "qat-litert", "litert-convert", "litert-quantize",
        "litert-check",
    ]  # fmt: skip
    assert words(found["w50-p0-ptq"]) == [
        "train", "litert-convert", "litert-quantize", "litert-check",
    ]  # fmt: skip


def test_candidates_of_one_width_train_the_same_network():
    found = named(a_recipe())
    steps = {name: trainer(one.recipe) for name, one in found.items()}

    assert steps["w50-p0-ptq"] == steps["w50-p50-qat"]
    assert steps["w50-p0-ptq"] != steps["w200-p0-ptq"]


@pytest.mark.parametrize(
    ("quantization", "scheme"),
    [
        ("float32", None),
        ("float16", "float16"),
        ("dynamic", "dynamic"),
        ("qat", "int8"),
    ],
)
def test_way_of_quantizing_changes_that_step_alone(quantization, scheme):
    search = {"widths": [1], "quantization": [quantization]}

    (one,) = variations(a_recipe(search=search))

    found = [s.scheme for s in one.recipe.steps if s.step == "litert-quantize"]
    assert found == ([] if scheme is None else [scheme])


@pytest.mark.parametrize(
    ("options", "width", "wanted"),
    [
        ({"stem": 16, "stages": "32:24:2"}, 0.5, {"stem": 8, "stages": "16:12:2"}),
        ({"stem": 16, "blocks": "32:1,64:2"}, 2, {"stem": 32, "blocks": "64:1,128:2"}),
        ({"stem": 8, "blocks": "16:1"}, 0.1, {"stem": 4, "blocks": "4:1"}),
        ({"stem": 7, "stages": "5:5:1"}, 1, {"stem": 7, "stages": "5:5:1"}),
        ({"stages": "32:32:2", "stem_stride": 2}, 2,
         {"stages": "64:64:2", "stem_stride": 2}),
    ],
)  # fmt: skip
def test_widths_grow_and_strides_stay(options, width, wanted):
    assert widened(options, width) == wanted


@pytest.mark.parametrize(
    "steps",
    [
        [{"step": "litert-convert"}, {"step": "litert-quantize"}],
        [{"step": "train", "options": {"stem": 8}}, {"step": "litert-convert"},
         {"step": "litert-quantize"}],
        [{"step": "train", "options": {"blocks": "8:1"}}, {"step": "litert-convert"}],
    ],
)  # fmt: skip
def test_search_that_has_nothing_to_vary_is_refused(steps):
    with pytest.raises(ValueError, match="search needs"):
        a_recipe(steps=steps)


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ({"widths": [0.12, 1, 0.125]}, "widths 0.12 and 0.125 are the same"),
        ({"pruning": [0.33, 0.333]}, "pruning 0.33 and 0.333 are the same"),
    ],
)
def test_candidates_that_would_share_a_name_are_refused(said, reason):
    with pytest.raises(ValueError, match=reason):
        a_recipe(search=said)


def test_number_that_is_said_twice_is_tried_once():
    found = variations(a_recipe(search={"widths": [0.5, 0.5], "pruning": [0, 0]}))

    assert [one.recipe.variant for one in found] == ["found-w50-p0-ptq"]


def test_recipe_knows_the_variants_of_its_search():
    recipe = a_recipe()
    made = {one.recipe.variant for one in variations(recipe)}

    assert set(recipe.variants()) == {"found", *made}
    assert a_recipe(search=None).variants() == ("found",)


@pytest.mark.parametrize("table", ["stages", "blocks"])
@pytest.mark.parametrize("said", ["foo", "32", "32:24:2;64:24:2", 117_122])
def test_table_that_no_width_can_vary_is_refused(table, said):
    train = {"step": "train", "options": {table: said}}
    steps = [train, {"step": "litert-convert"}, {"step": "litert-quantize"}]

    with pytest.raises(ValueError, match=f"search needs {table} to vary"):
        a_recipe(steps=steps)


def test_recipe_without_a_search_has_no_candidates():
    with pytest.raises(ValueError, match="find has no search"):
        variations(a_recipe(search=None))


def test_search_that_comes_with_headwater_has_sound_candidates():
    catalogue = load_catalogue(packaged_catalogue())
    found = variations(catalogue.recipes["fashion-search"])

    wider = including(catalogue, found)

    assert len({one.recipe.variant for one in found}) == len(found)
    assert {one.recipe.id for one in found} <= set(wider.recipes)
    for one in found:
        assert type(one.recipe).model_validate(one.recipe.model_dump()) == one.recipe


@pytest.mark.parametrize(
    ("form", "quantization", "wanted"),
    [
        ("executorch", "ptq", ["train", "executorch-export"]),
        ("executorch", "qat", ["train", "qat-litert", "executorch-export"]),
        ("coreml", "float16", ["train", "coreml-export"]),
        ("ort", "ptq", ["train", "export", "quantize-static", "ort-export"]),
        ("ort", "float32", ["train", "export", "ort-export"]),
    ],
)
def test_other_forms_have_steps_of_their_own_behind_the_same_training(
    form, quantization, wanted
):
    search = {"widths": [1], "quantization": [quantization], "forms": [form]}

    (one,) = variations(a_recipe(search=search))

    assert words(one) == wanted
    assert one.form == form
    assert one.recipe.id == f"find-w100-p0-{quantization}-{form}"
    assert type(one.recipe).model_validate(one.recipe.model_dump()) == one.recipe


def test_forms_are_tried_where_they_can_be_made_so():
    search = {
        "widths": [1],
        "quantization": ["ptq", "float16"],
        "forms": ["litert", "coreml", "ort"],
    }

    assert list(named(a_recipe(search=search))) == [
        "w100-p0-ptq", "w100-p0-ptq-ort", "w100-p0-float16", "w100-p0-float16-coreml",
    ]  # fmt: skip


def test_what_the_steps_for_litert_say_counts_for_other_forms():
    steps = [
        {"step": "train", "architecture": "residual", "options": {"stages": "8:8:1"}},
        {"step": "litert-convert"},
        {"step": "litert-quantize", "calibration": "other", "channel_floor": 0},
        {"step": "litert-check", "photos": 9, "threads": [1], "oldest_runtime": False},
    ]
    search = {"forms": ["executorch", "ort"]}

    found = named(a_recipe(steps=steps, search=search))

    pte = found["w100-p0-ptq-executorch"].recipe.steps[-1]
    quantize, ort = found["w100-p0-ptq-ort"].recipe.steps[-2:]
    assert (pte.photos, pte.threads, pte.oldest_runtime) == (9, (1,), False)
    assert (pte.calibration, pte.channel_floor) == ("other", 1e-4)
    assert (quantize.calibration, quantize.reduce_range) == ("other", "false")
    assert (ort.photos, ort.threads, ort.oldest_runtime) == (9, (1,), False)


def test_form_that_none_of_the_quantizations_makes_is_refused():
    with pytest.raises(
        ValueError, match="of coreml must be of float16, dynamic, got ptq"
    ):
        a_recipe(search={"forms": ["litert", "coreml"]})

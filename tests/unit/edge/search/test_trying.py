"""Which candidates are tried, and which are left out with a reason."""

import pytest

from configs.catalogue import packaged_catalogue
from configs.device import load_devices
from edge.search.estimates import Estimate, estimate, in_the_way
from edge.search.trying import Means, Search
from edge.search.variations import variations
from models.errors import BuildFailed
from models.litert.cost import Cost
from models.training.costs import NetworkCost
from tests.fakes_search import Runs, a_recipe

DEVICES = load_devices(packaged_catalogue())
MOBILE, MICRO = DEVICES["mobile"], DEVICES["microcontroller"]


def searched(runs, recipe=None, devices=(MOBILE,), minutes=10.0):
    found = variations(recipe or a_recipe())
    means = Means(runs.knows(found).run, runs.cost, runs.clock)
    tried = Search(means, devices, 60 * minutes).among(found)
    return {one.variation.recipe.id.removeprefix("find-"): one for one in tried}


def test_everything_is_tried_while_there_is_time(tmp_path):
    runs = Runs(tmp_path)

    tried = searched(runs)

    assert len(runs.ran) == len(tried) == 8
    assert all(one.is_stored for one in tried.values())
    assert tried["w50-p0-ptq"].readiness["mobile"].is_ready


def test_nothing_is_begun_when_the_minutes_are_over(tmp_path):
    runs = Runs(tmp_path, minutes=4)

    tried = searched(runs)

    assert runs.ran == ["w50-p0-ptq", "w200-p0-ptq", "w50-p0-qat"]
    left = [one for one in tried.values() if one.judged is None]
    assert {one.reason for one in left} == {"the 10 minutes were over"}


def test_one_candidate_is_made_however_little_time_there_is(tmp_path):
    runs = Runs(tmp_path, minutes=60)

    searched(runs, minutes=0.1)

    assert runs.ran == ["w50-p0-ptq"]


def test_what_no_class_can_run_is_not_made(tmp_path):
    recipe = a_recipe(search={"widths": [1, 16], "quantization": ["ptq"]})
    runs = Runs(tmp_path)

    tried = searched(runs, recipe, [MICRO])

    assert runs.ran == ["w100-p0-ptq"]
    assert "for no class: microcontroller: about" in tried["w1600-p0-ptq"].reason


def test_what_one_of_the_classes_can_run_is_made(tmp_path):
    recipe = a_recipe(search={"widths": [1, 16], "quantization": ["ptq"]})
    runs = Runs(tmp_path)

    searched(runs, recipe, [MICRO, MOBILE])

    assert runs.ran == ["w100-p0-ptq", "w1600-p0-ptq"]


def test_float_is_not_made_for_a_class_that_computes_in_int8(tmp_path):
    recipe = a_recipe(search={"quantization": ["ptq", "float32"]})

    tried = searched(Runs(tmp_path), recipe, [MICRO])

    assert "computes in INT8 alone" in tried["w100-p0-float32"].reason


def test_width_that_is_below_the_bar_as_it_is_is_not_varied(tmp_path):
    runs = Runs(tmp_path, right={"w50-p0-ptq": 500})

    tried = searched(runs)

    assert "w50-p50-ptq" not in runs.ran
    assert tried["w50-p50-qat"].reason == "its plain form is below the bar"
    assert tried["w50-p0-ptq"].refused
    assert tried["w200-p50-qat"].is_stored


def test_what_is_larger_than_its_bar_is_not_made(tmp_path):
    bar = {"metric": "top1", "min_top1": 0.8, "max_size_bytes": 200_000}
    runs = Runs(tmp_path)

    tried = searched(runs, a_recipe(bar=bar))

    assert tried["w200-p0-ptq"].reason == (
        "about 400000 bytes of weights, the bar is 200000"
    )
    assert tried["w200-p50-ptq"].is_stored


def test_width_that_is_only_too_slow_is_pruned_all_the_same(tmp_path):
    bar = {"metric": "top1", "min_top1": 0.8, "max_latency_ms": 0.1}
    runs = Runs(tmp_path)

    searched(runs, a_recipe(bar=bar))

    assert len(runs.ran) == 8


def test_candidate_that_fails_is_named_and_the_others_go_on(tmp_path):
    runs = Runs(tmp_path)
    runs.broken = {"w50-p0-ptq"}

    tried = searched(runs)

    assert "failed: find-w50-p0-ptq: train failed" in tried["w50-p0-ptq"].reason
    assert tried["w200-p0-ptq"].is_stored


def test_failures_do_not_stretch_the_minutes(tmp_path):
    runs = Runs(tmp_path, minutes=6)
    runs.broken = {"w50-p0-ptq", "w200-p0-ptq"}

    with pytest.raises(BuildFailed, match="find-w50-p0-ptq"):
        searched(runs)

    assert runs.ran == ["w50-p0-ptq", "w200-p0-ptq"]


def test_search_of_which_every_candidate_fails_raises_the_first_failure(tmp_path):
    runs = Runs(tmp_path)
    runs.broken = {
        one.recipe.id.removeprefix("find-") for one in variations(a_recipe())
    }

    with pytest.raises(BuildFailed, match="find-w50-p0-ptq"):
        searched(runs)


def test_estimate_counts_bytes_by_bits():
    network = NetworkCost(macs=1000, parameters=100, elements=50)

    assert estimate(network, "float32") == Estimate(Cost(1000, 400, 200), wide=True)
    assert estimate(network, "qat") == Estimate(Cost(1000, 100, 50), wide=False)


@pytest.mark.parametrize(
    ("cost", "told"),
    [
        (Cost(10**12, 0, 0), "ms, the budget is 500"),
        (Cost(1, 0, 10**6), "bytes of tensors of 393216"),
        (Cost(1, 10**7, 0), "bytes of weights of 1572864"),
    ],
)
def test_each_limit_of_a_class_is_held(cost, told):
    (reason,) = in_the_way(Estimate(cost, wide=False), MICRO)

    assert told in reason


def test_small_candidate_is_for_every_class():
    small = Estimate(Cost(10**5, 10**4, 10**3), wide=False)
    asked = [device for device in DEVICES.values() if device.litert is not None]

    assert {in_the_way(small, device) for device in asked} == {()}


def forms(*wanted, **search):
    return a_recipe(search={"forms": wanted, **search})


def test_file_of_each_form_is_held_against_what_the_class_takes(tmp_path):
    devices = [MOBILE, DEVICES["android"], DEVICES["executorch-mobile"]]

    tried = searched(Runs(tmp_path), forms("litert", "executorch", "ort"), devices)

    ready = {
        name: [d for d, held in one.readiness.items() if held.is_ready]
        for name, one in tried.items()
    }
    assert ready == {
        "w100-p0-ptq": ["mobile", "android"],
        "w100-p0-ptq-executorch": ["android", "executorch-mobile"],
        "w100-p0-ptq-ort": ["android"],
    }


def test_form_that_no_class_takes_is_not_made(tmp_path):
    runs = Runs(tmp_path)

    tried = searched(runs, forms("litert", "ort"), [MOBILE])

    assert runs.ran == ["w100-p0-ptq"]
    assert tried["w100-p0-ptq-ort"].reason == "for no class: mobile: it takes no .ort"


def test_form_that_is_below_the_bar_does_not_stand_for_another(tmp_path):
    recipe = forms("litert", "executorch", quantization=["ptq", "qat"])
    runs = Runs(tmp_path, right={"w100-p0-ptq": 500})

    tried = searched(runs, recipe, [DEVICES["android"]])

    assert tried["w100-p0-qat"].reason == "its plain form is below the bar"
    assert tried["w100-p0-qat-executorch"].is_stored


def test_core_ml_computes_in_16_bits():
    network = NetworkCost(macs=7 * 10**8, parameters=100, elements=50)

    found = estimate(network, "dynamic", "coreml")

    assert (found.cost.weights_bytes, found.cost.arena_bytes) == (100, 100)
    assert found.arithmetic == "float16"
    assert in_the_way(found, DEVICES["ios"]) == ()
    # As many multiplications in 32-bit floats on a core would take 70 ms of 30.
    assert "budget" in in_the_way(estimate(network, "float32"), DEVICES["ios"])[0]

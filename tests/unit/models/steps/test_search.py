"""Which layers suffer, which candidate wins, and how few layers stay in float."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from configs.steps import SearchInt8Step
from models.card import Interval, Proportion, QualityFact
from models.recipes.pieces import Piece
from models.steps import search
from models.steps.onnx_layers import Unit, units, with_activations
from models.steps.sensitivity import Photos
from tests.tiny_bench import TinyBench
from tests.tiny_vision import IMAGE

SHARE = Proportion(value=1.0, low=1.0, high=1.0, n=10)


def trial(
    size: int, drop: float, clears: bool = True, kept: tuple[str, ...] = ()
) -> search.Trial:
    lost = Interval(value=drop, low=drop, high=drop)
    fact = QualityFact(
        dataset="set",
        dataset_sha256="0" * 64,
        top1=SHARE,
        top5=SHARE,
        agreement=SHARE,
        drop_points=lost,
    )
    return search.Trial("minmax", kept, Piece(Path()), size, (fact,), 20.0, clears)


@pytest.fixture
def tiny(tmp_path: Path) -> TinyBench:
    return TinyBench(tmp_path)


def found(
    tiny: TinyBench, source: Piece, step: Mapping[str, object], **recipe: Any
) -> Mapping[str, Any]:
    """What the step tells."""
    bench = tiny.bench({"step": "search-int8", **step}, **recipe)
    (spec,) = bench.recipe.steps
    assert isinstance(spec, SearchInt8Step)
    return search.run(spec, source, tiny.empty("target"), bench)


def with_outlier(tiny: TinyBench) -> Piece:
    """The source with one weight so large that a scale for all channels is useless."""
    model = onnx.load(tiny.source.onnx)
    for held in model.graph.initializer:
        if held.name == "last":
            values = numpy_helper.to_array(held).copy()
            values[:, 0] = values[:, 0] * 300
            held.CopyFrom(numpy_helper.from_array(values, "last"))
    return tiny.put(model.SerializeToString())


def test_smallest_that_clears_the_bar_wins():
    small, large = trial(100, 0.9), trial(200, 0.1, kept=("a",))

    assert search.chosen([small, large]) is small


def test_sizes_within_a_percent_count_as_one_and_quality_decides():
    bad, good = trial(1000, 0.9), trial(1005, 0.1)

    assert search.chosen([bad, good]) is good


def test_mixed_model_that_loses_more_than_uniform_is_not_chosen():
    uniform, mixed = trial(100, 0.5, clears=False), trial(150, 0.8, kept=("a",))

    assert search.chosen([uniform, mixed]) is uniform


def test_best_is_chosen_when_nothing_clears_the_bar():
    trials = [trial(100, 5.0, clears=False), trial(150, 2.0, clears=False, kept=("a",))]

    assert search.chosen(trials) is trials[1]


@pytest.mark.parametrize(
    ("most", "enough", "asked"),
    [
        (8, 1, [1]),
        (8, 3, [1, 2, 4, 3]),
        (8, 8, [1, 2, 4, 8, 6, 7]),
        (6, 9, [1, 2, 4, 6]),
        (0, 1, []),
    ],
)
def test_as_few_layers_as_will_do_are_found_in_few_attempts(most, enough, asked):
    tried: list[int] = []

    for count in search.counts(most, lambda: tried[-1] >= enough):
        tried.append(count)

    assert tried == asked


def test_activation_goes_with_its_layer(tiny):
    model = onnx.load(tiny.source.onnx)

    assert units(model, at_most=9)[0] == Unit(("c1",), ("c1", "r1"))
    assert with_activations(model, ["c2"]) == ("c2", "r2")


def test_neighbours_share_a_unit_when_there_are_many_layers(tiny):
    joined = units(onnx.load(tiny.source.onnx), at_most=2)

    assert [unit.layers for unit in joined] == [("c1", "c2"), ("g",)]


def test_search_tells_of_every_candidate_and_every_layer(tiny):
    facts = found(tiny, tiny.source, {})

    candidates = facts["candidates"]
    assert [one["method"] for one in candidates] == ["minmax", "percentile"]
    assert facts["chosen"] in candidates
    assert {one["layer"] for one in facts["sensitivity"]} == {"c1", "c2", "g"}
    noises = [one["snr_db"] for one in facts["sensitivity"]]
    assert noises == sorted(noises)


def test_search_leaves_the_worst_layers_in_float_until_the_bar_is_met(tiny):
    step = {"candidates": ["minmax"], "max_float_layers": 3}
    bar = {"metric": "agreement", "min_agreement": 1.0, "judged": "inside"}

    facts = found(tiny, with_outlier(tiny), step, bar=bar)

    kept = [one["keep_float"] for one in facts["candidates"]]
    worst = facts["sensitivity"][0]["nodes"]
    assert kept[0] == []
    assert kept[1] == list(worst)
    assert len(kept) > 2
    drops = [one["drop_points"] for one in facts["candidates"]]
    assert facts["chosen"]["drop_points"] <= drops[0]


def test_search_stops_trying_when_its_time_is_over(tiny):
    step = {"candidates": ["minmax"], "budget_s": 1e-9}
    bar = {"metric": "agreement", "min_agreement": 1.0, "judged": "inside"}

    facts = found(tiny, tiny.source, step, bar=bar)

    assert len(facts["candidates"]) == 1
    assert facts["cut_short"] is True


def test_photos_to_judge_layers_on_are_drawn_from_the_seed():
    crops = np.arange(20, dtype=np.uint8).reshape(20, 1, 1, 1)
    some = [
        Photos(crops, IMAGE).some(5, seed).crops.ravel().tolist() for seed in (1, 1, 2)
    ]

    assert some[0] == some[1] != some[2]
    assert len(set(some[0])) == 5

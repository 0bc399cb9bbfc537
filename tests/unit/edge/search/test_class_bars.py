"""A search whose classes want different things."""

import json

import pytest

from configs.catalogue import packaged_catalogue
from configs.device import load_devices
from edge.search.outcome import as_json, outcome
from edge.search.page import write
from edge.search.trying import Means, Search
from edge.search.variations import variations
from tests.fakes_search import Runs, a_recipe

DEVICES = load_devices(packaged_catalogue())
MOBILE, LINUX = DEVICES["mobile"], DEVICES["linux-arm"]
SEARCH = {"widths": [0.5, 2], "quantization": ["ptq"]}
SMALL, LARGE = "w50-p0-ptq", "w200-p0-ptq"


def searched(folder, devices, right=None, **bars):
    classes = [device.id for device in devices]
    recipe = a_recipe(search=SEARCH, devices=classes, bars=bars)
    runs = Runs(folder, right)
    found = variations(recipe)
    means = Means(runs.knows(found).run, runs.cost, runs.clock)
    return runs, Search(means, devices, 600).among(found)


@pytest.mark.parametrize(
    ("bar", "reason"),
    [
        ({"max_size_bytes": 100_000}, "about 400000 bytes of weights, its bar is 1000"),
        ({"max_estimate_ms": 0.01}, "ms, its bar is 0.01"),
    ],
)
def test_what_is_beyond_the_bar_of_every_class_is_not_made(tmp_path, bar, reason):
    runs, tried = searched(tmp_path, [MOBILE], mobile=bar)

    assert LARGE not in runs.ran
    (left,) = [one for one in tried if one.variation.width == 2]
    assert reason in left.reason


def test_what_one_class_may_have_is_made(tmp_path):
    bar = {"max_size_bytes": 100_000}

    runs, _ = searched(tmp_path, [MOBILE, LINUX], mobile=bar)

    assert runs.ran == [SMALL, LARGE]


def test_front_of_a_class_leaves_out_what_is_below_its_bar(tmp_path):
    right = {SMALL: 850, LARGE: 950}

    _, tried = searched(tmp_path, [MOBILE, LINUX], right, mobile={"min_top1": 0.9})

    found = outcome("find", 10, tried, [MOBILE, LINUX], {})
    names = {d: [r.variant for r in rows] for d, rows in found.fronts.items()}
    assert names["mobile"] == [f"found-{LARGE}"]
    assert sorted(names["linux-arm"]) == [f"found-{LARGE}", f"found-{SMALL}"]
    text = json.loads(json.dumps(as_json(found)))
    told = {row["variant"]: row["classes"] for row in text["candidates"]}
    small = told[f"found-{SMALL}"]
    assert small["mobile"]["below_its_bar"][0].startswith("top-1 of 90.0% on digits")
    assert small["linux-arm"]["below_its_bar"] == []
    assert "below its bar" in write(found, tmp_path / "page").read_text()

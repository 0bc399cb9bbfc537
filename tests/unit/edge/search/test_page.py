"""What a search found: fronts, JSON, a page and a picture."""

import json

import pytest

from configs.catalogue import packaged_catalogue
from configs.device import load_devices
from edge.search.outcome import Outcome, as_json, front, outcome
from edge.search.page import write
from edge.search.trying import Means, Search
from edge.search.variations import variations
from tests.fakes_search import Runs, a_recipe

DEVICES = load_devices(packaged_catalogue())
CLASSES = [DEVICES["mobile"], DEVICES["edge-tpu"]]


@pytest.fixture
def found(tmp_path) -> Outcome:
    """Two widths plain and with QAT in float or INT8; one is below its bar."""
    search = {"widths": [0.5, 1, 16], "quantization": ["ptq", "float32"]}
    recipe = a_recipe(search=search)
    runs = Runs(tmp_path, right={"w50-p0-ptq": 500, "w100-p0-float32": 950}, minutes=2)
    runs.knows(variations(recipe))
    means = Means(runs.run, runs.cost, runs.clock)
    tried = Search(means, CLASSES, 7 * 60).among(variations(recipe))
    return outcome("find", 7, tried, CLASSES, {"mobile": "found-w100-p0-ptq"})


def test_front_of_a_class_holds_what_runs_there(found):
    rows = {row.variant: row for row in found.fronts["edge-tpu"]}

    assert set(rows) == {"found-w50-p0-ptq", "found-w100-p0-ptq"}
    assert not rows["found-w50-p0-ptq"].is_best
    assert rows["found-w100-p0-ptq"].is_best


def test_time_of_a_front_is_the_estimate_for_the_class(found):
    (tried,) = [one for one in found.tried if one.is_stored
                and one.variation.recipe.variant == "found-w100-p0-ptq"]  # fmt: skip

    (row,) = [
        r for r in front(found.tried, "mobile") if r.variant == "found-w100-p0-ptq"
    ]

    assert row.latency_ms == tried.readiness["mobile"].estimate_ms


def test_json_says_what_became_of_every_candidate(found):
    told = json.loads(json.dumps(as_json(found)))

    rows = {row["variant"]: row for row in told["candidates"]}
    assert len(rows) == 6
    assert rows["found-w50-p0-ptq"]["refused"]
    assert rows["found-w100-p0-float32"]["top1"]["value"] == 0.95
    assert rows["found-w1600-p0-float32"]["left_out"] == "the 7 minutes were over"
    assert rows["found-w100-p0-float32"]["classes"]["edge-tpu"]["ready"] is False
    assert told["chosen"] == {"mobile": "found-w100-p0-ptq"}


def test_page_names_the_choice_and_every_reason(found, tmp_path):
    page = write(found, tmp_path / "out").read_text()

    assert "| mobile | found-w100-p0-ptq | 90.00 (" in page
    assert "| edge-tpu | nothing |" in page
    assert "left out: the 7 minutes were over" in page
    assert "below its bar: top-1 of 80.0% on digits" in page
    assert "![What each class gets](search.png)" in page


def test_pictures_and_pages_are_there(found, tmp_path):
    write(found, tmp_path)

    assert (tmp_path / "search.png").read_bytes()[:4] == b"\x89PNG"
    assert "<table>" in (tmp_path / "search.html").read_text()
    assert json.loads((tmp_path / "search.json").read_text())["recipe"] == "find"


def test_writing_twice_gives_the_same_bytes(found, tmp_path):
    for name in ("one", "two"):
        write(found, tmp_path / name)

    one, two = (
        {file.name: file.read_bytes() for file in (tmp_path / name).iterdir()}
        for name in ("one", "two")
    )
    assert one == two

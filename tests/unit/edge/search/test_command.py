"""`headwater edge export` of a recipe with a search."""

import json

import pytest
from typer.testing import CliRunner

from configs.catalogue import load_catalogue, packaged_catalogue
from edge.search.variations import variations
from models.store import Store
from serve_app.cli import searching
from serve_app.cli.main import app
from tests.fakes_litert import lite_card
from tests.fakes_search import Runs
from tests.tiny_lite import tiny_int8

RECIPE = load_catalogue(packaged_catalogue()).recipes["fashion-search"]


class Workshop(Runs):
    """Leaves the card of every candidate in the store, as an engine would."""

    def __init__(self, folder, store):
        super().__init__(folder)
        self.store, self.forgotten = store, []

    def prepare(self, recipe):
        """What candidates learn from is there already."""

    def forget(self, recipe):
        self.forgotten.append(recipe)

    def run(self, recipe):
        result = super().run(recipe)
        fact = self.store.add_file(result.pieces[-1].litert)
        said = {"model": "fashion-mnist", "model_file": fact}
        card = lite_card(result.plan.recipe.variant).model_copy(update=said)
        self.store.save_card(card)
        return result


@pytest.fixture
def workshop(tmp_path, monkeypatch):
    monkeypatch.setenv("HEADWATER_HOME", str(tmp_path / "home"))
    store = Store(tmp_path / "home" / "store")
    made = Workshop(tmp_path, store).knows(variations(RECIPE))
    monkeypatch.setattr(searching, "open_engine", lambda *_: made)
    return made


def export(*arguments):
    return CliRunner().invoke(app, ["edge", "export", "fashion-search", *arguments])


def test_search_tries_its_candidates_and_exports_the_best(workshop, tmp_path):
    result = export("--class", "mobile", "--class", "microcontroller")

    folder = tmp_path / "home" / "edge" / "fashion-mnist"
    told = json.loads((folder / "search.json").read_text())
    left = {c["variant"]: c["left_out"] for c in told["candidates"] if c["left_out"]}
    assert result.exit_code == 0, result.output
    assert set(left) == {"search-litert-w200-p0-ptq", "search-litert-w200-p0-qat"}
    assert all("the bar is 65536" in reason for reason in left.values())
    assert len(workshop.ran) == len(told["candidates"]) - 2
    assert set(told["chosen"]) == {"mobile", "microcontroller"}
    for name, variant in told["chosen"].items():
        card = json.loads((folder / name / "card.json").read_text())
        assert card["variant"] == variant
        assert (folder / name / "model.tflite").is_file()
    assert "search.md" in result.stdout
    assert "done in 0 min" in result.stdout


def test_everything_is_forgotten_first_when_it_is_to_be_made_again(workshop):
    export("--class", "mobile", "--force")

    assert workshop.forgotten == [one.recipe.id for one in variations(RECIPE)]


def test_search_of_which_nothing_runs_on_a_class_says_so(workshop, monkeypatch):
    monkeypatch.setattr(
        "tests.fakes_search.tiny_int8", lambda: tiny_int8(per_channel_full=True)
    )

    result = export("--class", "edge-tpu")

    assert "FULLY_CONNECTED has a scale for each output" in str(result.exception)

"""`headwater edge`: what is asked for, what is written, how it ends."""

import json

import numpy as np
import pytest
from typer.testing import CliRunner

from edge.evidence.agreement import Other, agreement
from edge.evidence.facts import Evidence
from edge.evidence.gathering import Found
from models.errors import NotExported
from models.store import Store
from serve_app.cli import exporting
from serve_app.cli.main import app
from serve_app.cli.proving import Prover
from tests.fakes_litert import lite_card
from tests.tiny_lite import put, tiny_float, tiny_int8

INT8, FLOAT = "fashion-student-edge-int8", "fashion-student-edge-float16"


@pytest.fixture
def home(tmp_path, monkeypatch):
    """A home whose store has both variants already, as recipes would leave them."""
    monkeypatch.setenv("HEADWATER_HOME", str(tmp_path / "home"))
    store = Store(tmp_path / "home" / "store")
    for variant, content in (
        ("student-int8-litert", tiny_int8()),
        ("student-float16-litert", tiny_float()),
    ):
        fact = store.add_file(put(tmp_path, content))
        said = {"model": "fashion-mnist", "model_file": fact}
        store.save_card(lite_card(variant).model_copy(update=said))
    return tmp_path / "home"


@pytest.fixture
def ran(monkeypatch):
    """The recipes that were run; their variants are in the store already."""
    recipes: list[str] = []

    def optimize(recipe, dry_run, report, force, data):
        recipes.append(recipe)

    monkeypatch.setattr(exporting, "optimize", optimize)
    return recipes


def edge(*arguments):
    return CliRunner().invoke(app, ["edge", *arguments])


def test_export_runs_the_recipe_and_fills_a_folder_a_class(home, ran):
    result = edge("export", INT8, "--class", "mobile", "--class", "edge-tpu")

    folder = home / "edge" / "fashion-mnist"
    assert result.exit_code == 0
    assert ran == [INT8]
    assert sorted(one.name for one in folder.iterdir()) == ["edge-tpu", "mobile"]
    assert (folder / "mobile" / "model.tflite").read_bytes() == tiny_int8()
    assert "edge-tpu: student-int8-litert, 3/3 operators" in result.stdout


def test_recipe_says_which_classes_when_nobody_else_does(home, ran):
    edge("export", INT8)

    found = {one.name for one in (home / "edge" / "fashion-mnist").iterdir()}
    assert found == {"microcontroller", "edge-tpu", "mobile", "linux-arm"}


def test_each_class_gets_what_it_can_run(home, ran):
    result = edge("export", FLOAT, INT8, "--class", "edge-tpu")

    assert ran == [FLOAT, INT8]
    assert "edge-tpu: student-int8-litert" in result.stdout


def test_class_that_no_variant_is_for_is_an_error(home, ran):
    result = edge("export", FLOAT, "--class", "edge-tpu")

    assert isinstance(result.exception, NotExported)
    assert "input is float32" in str(result.exception)


def test_class_that_no_variant_is_for_does_not_stop_the_later_ones(home, ran):
    classes = ("--class", "edge-tpu", "--class", "mobile", "--class", "microcontroller")

    result = edge("export", FLOAT, *classes)

    assert isinstance(result.exception, NotExported)
    assert "mobile: student-float16-litert" in result.stdout
    assert folders(home) == ["mobile"]
    reasons = result.exception.reasons
    assert [one.partition(":")[0] for one in reasons] == ["edge-tpu", "microcontroller"]
    assert all(one in str(result.exception) for one in reasons)


def folders(home):
    return sorted(one.name for one in (home / "edge" / "fashion-mnist").glob("*"))


def spoil(home, variant):
    """Change the stored file of `variant`, as a bad disk does."""
    store = Store(home / "store")
    card = store.card("fashion-mnist", 1, variant)
    store.file(card.model_file).chmod(0o600)
    store.file(card.model_file).write_bytes(b"spoilt")


def test_unrelated_corrupt_variant_is_named_and_left_out(home, ran):
    spoil(home, "student-float16-litert")

    result = edge("export", INT8, "--class", "mobile")

    assert result.exit_code == 0
    assert "student-float16-litert is left out of the comparison" in result.stdout
    assert (home / "edge" / "fashion-mnist" / "mobile" / "report.md").exists()


def test_unrelated_unreadable_card_is_named_and_left_out(home, ran):
    store = Store(home / "store")
    card = store.card("fashion-mnist", 1, "student-float16-litert")
    store.card_file(card).write_text("{}")

    result = edge("export", INT8, "--class", "mobile")

    assert result.exit_code == 0
    assert "student-float16-litert is left out of the comparison" in result.stdout


def test_failing_proof_leaves_no_folder(home, ran, monkeypatch):
    told = Evidence(dataset="d", rows=1, unexplained=("Not explained: all of it.",))
    found = Found(told, np.empty(0), np.empty(0))
    monkeypatch.setattr(Prover, "_gathered", lambda self, card: found)

    result = edge("export", INT8, "--class", "mobile", "--class", "edge-tpu")

    assert isinstance(result.exception, NotExported)
    assert str(result.exception).count("Not explained: all of it.") == 2
    assert folders(home) == []


def test_file_without_evidence_says_so(home, ran):
    result = edge("export", INT8, "--class", "mobile")

    assert "no evidence: not made here" in result.stdout


def test_card_says_whose_answers_the_file_gives(home, ran, monkeypatch):
    scores = np.eye(4, dtype=np.float32)
    same = agreement(Other("teacher", scores), scores, np.arange(4))
    told = Evidence(dataset="digits", rows=4, agreements=(same,))
    found = Found(told, np.empty(0), np.empty(0))
    monkeypatch.setattr(Prover, "_gathered", lambda self, card: found)

    edge("export", INT8, "--class", "mobile")

    (fact,) = (
        Store(home / "store").card("fashion-mnist", 1, "student-int8-litert").agreements
    )
    assert (fact.against, fact.dataset, fact.same.n) == ("teacher", "digits", 4)
    folder = home / "edge" / "fashion-mnist" / "mobile"
    assert (
        json.loads((folder / "card.json").read_text())["agreements"][0]["against"]
        == "teacher"
    )
    assert "| same answer as teacher | 100.00% (" in (folder / "report.md").read_text()


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["nothing-like-it"], "not a recipe"),
        ([INT8, "efficientnet-lite0-edge-int8"], "must be of one model"),
        ([INT8, "--class", "toaster"], "not a device class"),
        (["fashion-teacher"], "name a device class"),
    ],
)
def test_order_that_makes_no_sense_is_not_understood(home, ran, arguments, told):
    result = edge("export", *arguments)

    assert result.exit_code == 2
    assert told in " ".join(result.output.replace("│", " ").split())
    assert ran == []


def test_devices_are_listed(home):
    result = edge("devices")

    assert result.exit_code == 0
    assert "edge-tpu" in result.stdout

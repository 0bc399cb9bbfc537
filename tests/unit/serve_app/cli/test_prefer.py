"""`headwater models prefer`, with a second ONNX Runtime in the place of OpenVINO."""

from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from configs.environment import load_environment
from deployments.backends import opening
from deployments.backends.onnx import OnnxBackend
from deployments.backends.preference import OPENVINO
from models.card import PreferenceFact
from models.errors import BuildFailed, NotInCatalogue
from models.store import Store
from serve_app.cli import prefer as command
from serve_app.cli.models import app
from tests.tiny_vision import make_tiny_vision


class Slow:
    """Answers as ONNX Runtime does, with twenty times its work."""

    def __init__(self, model: Path) -> None:
        self._backend = OnnxBackend(model)

    def run(self, inputs):
        for _ in range(20):
            found = self._backend.run(inputs)
        return found


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HEADWATER_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("HEADWATER_CATALOGUE", str(make_tiny_vision(tmp_path)))
    call("build")
    return tmp_path


@pytest.fixture
def slow(monkeypatch: pytest.MonkeyPatch) -> None:
    def opened(card, store, site):
        return Slow(store.file(card.model_file))

    openers = {**opening.OPENERS, OPENVINO: opened}
    monkeypatch.setattr(opening, "OPENERS", openers)


def call(*arguments: str) -> Result:
    return CliRunner().invoke(app, arguments, env={"COLUMNS": "200"})


def stored(variant="int8-onnx"):
    return Store(load_environment().store).card("eye-a", 1, variant)


def test_slower_runtime_is_not_preferred_and_the_reason_is_told(home, slow):
    told = call("prefer", "eye-a")

    assert told.exit_code == 0, told.output
    assert "colours: top-1" in told.output
    assert "batch 1:" in told.output
    assert "eye-a int8-onnx stays with ONNX Runtime: a batch of 1 takes" in told.output
    assert stored().prefers is None


def test_photos_of_ones_own_are_judged_too(home, slow):
    told = call("prefer", "eye-a@1", "--data", str(home / "colours"))

    assert told.exit_code == 0, told.output
    assert told.output.count("colours: top-1") == 2


def test_reference_itself_can_be_judged(home, slow):
    assert call("prefer", "eye-a", "--variant", "fp32-onnx").exit_code == 0


def test_unknown_version_is_named_with_those_there_are(home):
    error = call("prefer", "eye-a@4").exception

    assert isinstance(error, NotInCatalogue)
    assert "eye-a@1" in str(error)


def between(monkeypatch, change):
    """Have the card changed after it was read and before it is saved."""

    def measured(workshop, spec, card, folders):
        workshop.store.save_card(card.model_copy(update=change(card)))
        return PreferenceFact(
            runtime="openvino",
            created=card.created,
            quality=(),
            times=(),
            machine=card.machine,
        )

    monkeypatch.setattr(command, "_measured", measured)
    monkeypatch.setattr("models.prefer.refusal", lambda fact, max_drop_points: "")


def test_variant_that_was_built_anew_meanwhile_is_not_overwritten(home, monkeypatch):
    newer = stored("fp32-onnx").model_file
    between(monkeypatch, lambda card: {"model_file": newer})

    error = call("prefer", "eye-a").exception

    assert isinstance(error, BuildFailed)
    assert "int8-onnx was built anew meanwhile; run it again" in str(error)
    assert stored().model_file == newer


def test_what_else_came_onto_the_card_meanwhile_stays(home, monkeypatch):
    between(monkeypatch, lambda card: {"title": "renamed"})

    told = call("prefer", "eye-a")

    assert told.exit_code == 0, told.output
    assert (stored().title, stored().prefers is None) == ("renamed", False)


def test_model_without_photos_is_refused(home, slow):
    store = Store(load_environment().store)
    store.save_card(stored().model_copy(update={"image": None}))

    error = call("prefer", "eye-a").exception

    assert isinstance(error, BuildFailed)
    assert "ONNX variant for photos" in str(error)

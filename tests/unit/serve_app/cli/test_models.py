"""`headwater models`, on models small enough for a unit test."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from models.errors import NotInCatalogue, SourceUnreachable, VariantNotFound
from serve_app.cli.models import app
from tests.tiny_vision import make_tiny_vision


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HEADWATER_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("HEADWATER_CATALOGUE", str(make_tiny_vision(tmp_path)))
    return tmp_path


def call(*arguments: str) -> Result:
    return CliRunner().invoke(app, arguments, env={"COLUMNS": "200"})


def test_build_says_what_was_built_and_then_what_was_ready(home):
    first, second = call("build"), call("build")

    assert first.exit_code == second.exit_code == 0, first.output
    assert first.output.count("built  ") == 5
    assert "built  ensemble of eyes: eye-a" in first.output
    assert second.output.count("ready  ") == 5


def test_list_shows_models_before_and_after_they_are_built(home):
    before = call("list").output
    call("build", "eye-a")

    after = call("list").output

    assert before.count("not built") == 2
    assert after.count("not built") == 1
    assert after.count("int8-onnx") == 1


def test_show_prints_cards_as_json(home):
    call("build")

    shown = json.loads(call("show", "eyes").output)

    assert shown["members"] == ["eye-a", "eye-b"]


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (("build", "nose"), NotInCatalogue),
        (("show", "nose"), NotInCatalogue),
        (("show", "eye-a"), VariantNotFound),
        (("show", "eyes"), VariantNotFound),
        (("evaluate", "--data", "no/such/folder"), SourceUnreachable),
    ],
)
def test_expected_errors_reach_the_command_line_as_they_are(home, arguments, error):
    assert isinstance(call(*arguments).exception, error)


def test_evaluate_prints_tables(home):
    call("build")

    told = call("evaluate", "--data", str(home / "colours"))

    assert "### On colours, 24 photos" in told.output
    assert "| eyes |" in told.output


def test_evaluate_keeps_the_rest_of_a_page(home):
    call("build")
    page = home / "page.md"
    page.write_text("# Numbers\n")

    call("evaluate", "--data", str(home / "colours"), "--markdown", str(page))
    call("evaluate", "--data", str(home / "colours"), "--markdown", str(page))

    written = page.read_text()
    assert written.startswith("# Numbers\n")
    assert written.count("### On colours") == 1

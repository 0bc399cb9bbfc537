"""`headwater models fit`, on models small enough for a unit test."""

from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from configs.errors import ConfigError
from serve_app.cli.models import app
from tests.tiny_vision import make_tiny_vision


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HEADWATER_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("HEADWATER_CATALOGUE", str(make_tiny_vision(tmp_path)))
    call("build")
    return tmp_path


def call(*arguments: str) -> Result:
    return CliRunner().invoke(app, arguments, env={"COLUMNS": "200"})


def test_fit_tells_what_it_found_and_writes_a_page(home):
    page = home / "deep" / "page.md"

    told = call("fit", "eyes", "--report", str(page))

    assert told.exit_code == 0, told.output
    assert "eyes: fitted on 24 photos of colours" in told.output
    assert "eye-a: weight 0." in told.output
    assert "## Choices of members" in page.read_text()


def test_fit_takes_a_folder_of_photos(home):
    told = call("fit", "eyes", "--on", str(home / "colours"))

    assert "fitted on 24 photos of colours" in told.output
    again = call("build").output
    assert "ready  ensemble of eyes" in again
    assert "fitted on colours, as `headwater models fit --on` chose" in again


def test_unknown_pipeline_is_named_with_the_known_ones(home):
    error = call("fit", "nose").exception

    assert isinstance(error, ConfigError)
    assert "nose" in str(error)
    assert "eyes" in str(error)


def test_unknown_photos_are_named_with_the_known_datasets(home):
    told = call("fit", "eyes", "--on", "nowhere")

    assert told.exit_code == 2
    assert "colours" in told.output


def test_fit_takes_a_version_that_is_not_served_yet(home):
    told = call("fit", "eyes", "--member", "eye-a@1")

    assert told.exit_code == 0, told.output


@pytest.mark.parametrize(
    ("said", "text"), [("eye-a", "say which version"), ("eye-a@x", "whole number")]
)
def test_member_without_a_version_is_refused(home, said, text):
    told = call("fit", "eyes", "--member", said)

    assert told.exit_code == 2
    assert text in told.output

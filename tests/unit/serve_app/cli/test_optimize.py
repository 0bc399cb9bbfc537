"""`headwater optimize` and `headwater models compare`, on models of milliseconds."""

import json
import shutil
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner, Result

from models.errors import BelowBar
from models.recipes.toolbox import Toolbox
from models.steps import registry
from serve_app.cli.main import app
from tests.fakes_steps import RAN, TOOLBOX, TROUBLE
from tests.tiny_vision import make_tiny_vision


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    RAN.clear()
    TROUBLE.clear()
    root = make_tiny_vision(tmp_path)
    monkeypatch.setenv("HEADWATER_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("HEADWATER_CATALOGUE", str(root))
    fakes: Toolbox = TOOLBOX
    monkeypatch.setattr(registry, "TOOLBOX", fakes)
    write(root, "good", "fuse")
    write(root, "bad", "half")
    write(root, "long", "weight-only")
    return tmp_path


def write(root: Path, recipe: str, step: str) -> None:
    (root / "recipes").mkdir(exist_ok=True)
    said = {
        "id": recipe,
        "title": f"A {recipe} one",
        "model": "eye-a",
        "variant": recipe,
        "source": {"model": "eye-a"},
        "steps": [{"step": step}],
    }
    (root / "recipes" / f"{recipe}.yaml").write_text(yaml.safe_dump(said))


def call(*arguments: str) -> Result:
    return CliRunner().invoke(app, arguments, env={"COLUMNS": "200"})


def report(home: Path, recipe: str) -> str:
    return (home / "home" / "reports" / recipe / "report.md").read_text()


def test_recipe_is_stored_with_a_report_and_then_ready(home):
    first, second = call("optimize", "good"), call("optimize", "good")

    assert first.exit_code == second.exit_code == 0, first.output
    assert "stored  eye-a good" in first.output
    assert "ready   eye-a good" in second.output
    page = report(home, "good")
    assert "Stored as eye-a good." in page
    assert "| /full/Conv | 9.5 |" in page
    assert "![Beside the other variants](costs.png)" in page
    folder = home / "home" / "reports" / "good"
    assert (folder / "step-1-sensitivity.png").read_bytes().startswith(b"\x89PNG")
    assert "<h2>Verdict</h2>" in (folder / "report.html").read_text()


def test_few_photos_do_not_pass_for_a_judgement(home):
    made = call("optimize", "good")

    told = "24 rows of colours tell the top-1 that was lost (-7.5 to +7.5 points)"
    assert f"doubt   {told}" in made.output
    assert "stored  eye-a good (0.0 MB), though its rows do not decide 1 of 1" in (
        made.output
    )
    assert told in report(home, "good")


def test_variant_whose_steps_were_deleted_is_still_ready(home):
    call("optimize", "good")
    shutil.rmtree(home / "home" / "workshop")
    RAN.clear()

    again = call("optimize", "good")

    assert (again.exit_code, RAN) == (0, []), again.output
    assert "ready   eye-a good" in again.output
    assert "--force makes them" in again.output


def test_recipe_below_its_bar_ends_with_the_reason_and_a_report(home):
    refused = call("optimize", "bad")

    assert refused.exit_code == 1
    assert isinstance(refused.exception, BelowBar)
    assert "at most 1 points of top-1 lost on colours" in str(refused.exception)
    page = report(home, "bad")
    assert "Below its bar, not stored." in page
    assert "## Answers that changed most" in page
    assert "bad" not in call("models", "list").output


def test_dry_run_prints_the_plan_and_makes_nothing(home):
    planned = call("optimize", "good", "--dry-run")

    assert planned.exit_code == 0, planned.output
    assert "to make" in planned.output
    assert "variant eye-a good, seed 0" in planned.output
    assert not (home / "home").exists()


def test_forced_recipe_is_made_again(home):
    call("optimize", "good")
    RAN.clear()

    forced = call("optimize", "good", "--force")

    assert "stored  eye-a good" in forced.output
    assert RAN == ["copy"]


def test_interrupted_recipe_says_how_to_go_on(home):
    TROUBLE["kind"] = "interrupt"

    stopped = call("optimize", "long")

    assert stopped.exit_code == 130
    assert "`headwater optimize long` goes on" in stopped.output


def test_recipe_is_judged_on_photos_of_ones_own(home):
    mine = home / "My photos"
    (home / "colours").rename(mine)
    dataset = home / "catalogue" / "datasets" / "colours.yaml"
    said = yaml.safe_load(dataset.read_text())
    dataset.write_text(yaml.safe_dump({**said, "source": f"file://{mine}"}))

    judged = call("optimize", "good", "--data", str(mine))

    assert judged.exit_code == 0, judged.output
    assert "on my-photos" in judged.output


@pytest.mark.parametrize("arguments", [("optimize", "nose"), ("optimize",)])
def test_command_that_is_not_understood_ends_with_2(home, arguments):
    assert call(*arguments).exit_code == 2


def test_compare_marks_what_nothing_beats(home):
    call("models", "build", "eye-a")
    call("optimize", "good")

    shown = call("models", "compare", "eye-a")
    rows = json.loads(call("models", "compare", "--json").output)

    assert shown.exit_code == 0, shown.output
    assert {row["variant"] for row in rows} == {"fp32-onnx", "int8-onnx", "good"}
    assert any(row["is_best"] for row in rows)
    assert next(row for row in rows if row["variant"] == "good")["recipe"] == "good"


def test_compare_draws_a_picture(home):
    call("models", "build", "eye-a")

    drawn = call("models", "compare", "--plot", str(home / "plot.png"))

    assert drawn.exit_code == 0, drawn.output
    assert (home / "plot.png").read_bytes().startswith(b"\x89PNG")

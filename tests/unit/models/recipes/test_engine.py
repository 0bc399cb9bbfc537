"""Recipes run, resumed, refused and cut off, with steps that take milliseconds."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from configs.catalogue import load_catalogue
from models.errors import (
    BuildFailed,
    NotInCatalogue,
    SourceUnreachable,
    VariantNotFound,
)
from models.recipes import report
from models.recipes.engine import Engine
from models.remote import Remote
from models.store import Store
from models.workshop import Workshop
from tests.fakes_steps import PINS, RAN, TOOLBOX, TROUBLE
from tests.tiny_vision import make_tiny_vision
from tests.tiny_vision import write_recipe as write

ROOT = Path(__file__).parents[4]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    RAN.clear()
    TROUBLE.clear()
    return make_tiny_vision(tmp_path)


def workshop(root: Path) -> Workshop:
    folder = root.parent
    return Workshop(load_catalogue(root), Store(folder / "store"), folder / "cache")


def engine(root: Path) -> Engine:
    return Engine(workshop(root), TOOLBOX, root.parent / "workshop")


def card(root: Path, variant: str):
    return Store(root.parent / "store").card("eye-a", 1, variant)


def left(root: Path, place: str) -> list[str]:
    return [str(one) for one in (root.parent / "workshop" / place).glob("*/*")]


def test_recipe_ends_in_a_card_that_says_how_it_was_made(root):
    write(root, "twice", "fuse", "quantize-static", seed=7)

    result = engine(root).run("twice")

    made = card(root, "twice")
    assert result.fresh
    assert not result.refused
    assert made.recipe is not None
    assert (made.recipe.id, made.recipe.seed) == ("twice", 7)
    assert [step.step for step in made.recipe.steps] == ["fuse", "quantize-static"]
    assert set(made.recipe.data) == {"colours"}
    assert made.quality[0].agreement is not None
    assert made.latency
    assert made.manifest is not None


def test_second_run_makes_nothing(root):
    write(root, "twice", "fuse", "quantize-static")
    engine(root).run("twice")
    RAN.clear()

    result = engine(root).run("twice")

    assert (RAN, result.fresh) == ([], False)


def test_another_seed_or_step_is_made_anew_and_the_rest_is_not(root):
    write(root, "twice", "fuse", "quantize-static")
    engine(root).run("twice")
    RAN.clear()
    write(root, "twice", "fuse", {"step": "quantize-static", "method": "entropy"})

    engine(root).run("twice")

    assert RAN == ["copy"]


def test_recipes_share_the_steps_they_have_in_common(root):
    write(root, "one", "fuse")
    write(root, "two", "fuse", "weight-only")
    engine(root).run("one")
    RAN.clear()

    engine(root).run("two")

    assert RAN == ["stumble"]


def test_step_is_made_anew_when_its_environment_changes(root):
    write(root, "one", "fuse")
    entry = replace(TOOLBOX.steps["fuse"], environment="tests.fakes_steps:pins")
    toolbox = replace(TOOLBOX, steps={**TOOLBOX.steps, "fuse": entry})
    pinned = Engine(workshop(root), toolbox, root.parent / "workshop")
    PINS[:] = ["tool==1"]
    before = pinned.plan("one").build_key

    PINS[:] = ["tool==2"]

    assert pinned.plan("one").build_key not in (
        before,
        engine(root).plan("one").build_key,
    )


def at(place: Path, root: Path, remote: Path) -> Engine:
    """An engine with a home of its own and a remote store beside others."""
    remote.mkdir(exist_ok=True)
    shop = Workshop(
        load_catalogue(root),
        Store(place / "store"),
        place / "cache",
        remote=Remote(remote.as_uri()),
    )
    return Engine(shop, TOOLBOX, place / "workshop")


def test_second_machine_finds_what_the_first_has_made(root, tmp_path):
    write(root, "one", "fuse")
    at(tmp_path / "here", root, tmp_path / "remote").run("one")
    RAN.clear()

    there = at(tmp_path / "there", root, tmp_path / "remote")
    card = there.found(there.plan("one"))

    assert card is not None
    assert Store(tmp_path / "there" / "store").is_intact(card.model_file)
    assert RAN == []


def test_second_machine_judges_a_bar_on_time_itself(root, tmp_path):
    write(root, "one", "fuse", bar={"max_latency_ms": 1000})
    at(tmp_path / "here", root, tmp_path / "remote").run("one")

    there = at(tmp_path / "there", root, tmp_path / "remote")
    assert there.found(there.plan("one")) is None


def test_machine_that_has_begun_a_recipe_goes_on_with_it(root, tmp_path):
    write(root, "one", "fuse")
    here = at(tmp_path / "here", root, tmp_path / "remote")
    here.run("one")

    assert here.found(here.plan("one")) is None


def test_variant_below_its_bar_is_not_stored(root):
    write(root, "ruined", "fuse", "half")

    result = engine(root).run("ruined")

    assert [finding.outcome for finding in result.refused] == ["below"]
    assert "points of top-1 lost on colours" in result.refused[0].wanted
    with pytest.raises(VariantNotFound):
        card(root, "ruined")


def test_variant_that_falls_below_a_raised_bar_is_taken_back(root):
    write(root, "kept", "fuse")
    engine(root).run("kept")
    write(root, "kept", "fuse", bar={"max_size_bytes": 10})

    result = engine(root).run("kept")

    assert [finding.wanted for finding in result.refused] == ["at most 10 bytes"]
    with pytest.raises(VariantNotFound):
        card(root, "kept")


def test_interrupted_step_leaves_its_checkpoint_and_no_piece(root):
    write(root, "long", "fuse", "weight-only")
    TROUBLE["kind"] = "interrupt"
    with pytest.raises(KeyboardInterrupt):
        engine(root).run("long")
    done = [step.done for step in engine(root).plan("long").steps]
    TROUBLE.clear()
    RAN.clear()

    result = engine(root).run("long")

    assert done == [True, False]
    assert RAN == ["stumble"]
    assert result.pieces[-1].facts["began_at"] == 1
    assert left(root, "checkpoints") == left(root, "scratch") == []


def test_killed_run_goes_on_and_leaves_nothing_half_made(root):
    write(root, "long", "fuse", "weight-only")
    script = (
        "import sys; from pathlib import Path;"
        "from tests.unit.models.recipes.test_engine import engine;"
        "from tests.fakes_steps import TROUBLE; TROUBLE['kind'] = 'kill';"
        "engine(Path(sys.argv[1])).run('long')"
    )
    killed = subprocess.run(
        [sys.executable, "-c", script, str(root)], cwd=ROOT, check=False
    )

    result = engine(root).run("long")

    assert killed.returncode == -9
    assert RAN == ["stumble"]
    assert result.pieces[-1].facts["began_at"] == 1
    assert left(root, "scratch") == []


def test_full_disk_is_told_and_leaves_no_piece(root):
    write(root, "long", "weight-only")
    TROUBLE["kind"] = "full"

    with pytest.raises(BuildFailed, match=r"1 weight-only failed: the disk of .* full"):
        engine(root).run("long")

    assert left(root, "scratch") == left(root, "pieces/*") == []


def test_damaged_piece_is_made_again(root):
    write(root, "one", "fuse")
    piece = engine(root).run("one").pieces[0]
    piece.onnx.write_bytes(b"something else")
    RAN.clear()

    engine(root).run("one")

    assert RAN == ["copy"]


def test_forgotten_recipe_is_made_again(root):
    write(root, "one", "fuse")
    engine(root).run("one")
    RAN.clear()

    engine(root).forget("one")
    result = engine(root).run("one")

    assert (RAN, result.fresh) == (["copy"], True)


def test_plan_makes_nothing(root):
    write(root, "two", "fuse", "half")

    plan = engine(root).plan("two")

    assert [step.step.step for step in plan.steps] == ["fuse", "half"]
    assert not (root.parent / "workshop").exists()
    assert not (root.parent / "store").exists()


def test_recipe_goes_on_from_a_piece_of_another(root):
    write(root, "first", "fuse", "half")
    write(root, "second", "quantize-static", source={"recipe": "first", "after": 1})

    result = engine(root).run("second")

    assert not result.refused
    assert RAN == ["copy", "copy"]


def test_bar_may_compare_with_a_pipeline(root):
    from models.build import build

    list(build(workshop(root)))
    bar = {"against": {"pipeline": "eyes"}, "max_size_share": 0.9}
    write(root, "small", "fuse", bar=bar)

    result = engine(root).run("small")

    assert result.judged.reference is not None
    assert result.judged.reference.name == "eye-a + eye-b"


def test_unknown_recipe_is_told_which_there_are(root):
    write(root, "one", "fuse")

    with pytest.raises(NotInCatalogue, match=r"gone is not in the catalogue.* one"):
        engine(root).run("gone")


@pytest.mark.parametrize(
    ("step", "reason"),
    [
        ("quantize-dynamic", r"fakes_gone is missing: install headwater\[build\]"),
        ("export", "takes torch, got a piece of form onnx"),
    ],
)
def test_step_that_cannot_run_says_why(root, step, reason):
    write(root, "one", step)

    with pytest.raises(BuildFailed, match=reason):
        engine(root).run("one")


def test_recipe_with_nothing_to_judge_it_on_fails(root):
    model = root / "models" / "eye-a.yaml"
    said = yaml.safe_load(model.read_text())
    model.write_text(yaml.safe_dump({**said, "evaluation": []}))
    write(root, "one", "fuse", data={})

    with pytest.raises(BuildFailed, match=r"name datasets under data\.evaluation"):
        engine(root).run("one")


def test_broken_photo_stops_a_recipe_unless_it_may_be_left_out(root):
    (root.parent / "colours" / "03.png").write_bytes(b"no picture")
    write(root, "strict", "fuse", data={"evaluation": ["colours"]})
    lenient = {"evaluation": ["colours"], "skip_broken": True}
    write(root, "lenient", "fuse", data=lenient)
    model = root / "models" / "eye-a.yaml"
    said = yaml.safe_load(model.read_text())
    model.write_text(yaml.safe_dump({**said, "evaluation": []}))

    with pytest.raises(SourceUnreachable, match=r"03\.png"):
        engine(root).run("strict")
    result = engine(root).run("lenient")

    assert result.judged.quality[0].top1.n == 23
    page = report.write(workshop(root), result, root.parent / "report").read_text()
    assert "| colours | 03.png |" in page


def test_same_seed_gives_the_same_piece(root):
    write(root, "one", "weight-only", seed=5)
    first = engine(root).run("one").pieces[0]
    engine(root).forget("one")

    second = engine(root).run("one").pieces[0]

    assert first.key == second.key
    assert first.facts["drawn"] == second.facts["drawn"]

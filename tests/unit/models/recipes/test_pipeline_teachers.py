"""A pipeline as what others learn from: its members, made where the store lacks them."""

import shutil

import pytest
import yaml

from configs.catalogue import load_catalogue
from models.build import build
from models.errors import BelowBar, BuildFailed, VariantNotFound
from models.recipes.engine import Engine
from models.recipes.voters import voters
from models.store import Store
from models.workshop import Workshop
from tests.fakes_steps import RAN, TOOLBOX, TROUBLE
from tests.tiny_vision import make_tiny_vision, write_recipe
from tests.versions import add_version

EASY = {"max_drop_points": 100.0}
AGAINST = {"against": {"pipeline": "eyes"}, **EASY}


@pytest.fixture(scope="module")
def pristine(tmp_path_factory):
    """A built catalogue; each test changes a copy."""
    root = make_tiny_vision(tmp_path_factory.mktemp("pristine"))
    list(build(workshop(root)))
    return root


@pytest.fixture
def built(pristine, tmp_path):
    RAN.clear()
    TROUBLE.clear()
    shutil.copytree(pristine.parent, tmp_path / "copy")
    return tmp_path / "copy" / "catalogue"


@pytest.fixture
def bare(built):
    """The same with an empty store."""
    shutil.rmtree(built.parent / "store")
    return built


def say(root, **ensemble):
    file = root / "pipelines" / "eyes.yaml"
    content = yaml.safe_load(file.read_text())
    content["ensemble"] = {"members": content["ensemble"]["members"], **ensemble}
    file.write_text(yaml.safe_dump(content))


def workshop(root):
    folder = root.parent
    return Workshop(load_catalogue(root), Store(folder / "store"), folder / "cache")


def engine(root):
    return Engine(workshop(root), TOOLBOX, root.parent / "workshop")


def variants(root):
    cards = Store(root.parent / "store").cards()
    return sorted(f"{card.model} {card.variant}" for card in cards)


def shares(root):
    return [(one.weight, one.temperature) for one in voters(workshop(root), "eyes")]


@pytest.mark.parametrize(
    "ensemble",
    [
        {"strategy": "soft_vote"},
        {"strategy": "majority"},
        {"strategy": "budget"},
        {"strategy": "cascade", "thresholds": [0.5]},
    ],
)
def test_every_member_votes_whatever_the_strategy_saves(built, ensemble):
    say(built, weights=[3, 1], temperatures=[0.5, 2], **ensemble)

    found = voters(workshop(built), "eyes")

    assert shares(built) == [(0.75, 0.5), (0.25, 2.0)]
    is_majority = ensemble["strategy"] == "majority"
    assert all(one.by_majority == is_majority for one in found)


def test_fitted_numbers_are_those_that_are_served(built):
    say(built, weights="fitted", temperatures="fitted", fit_on="colours")

    card = workshop(built).store.ensemble("eyes")

    fitted = [fact.temperature for fact in card.calibration]
    assert shares(built) == list(zip(card.weights, fitted, strict=True))


def test_fallback_teaches_nobody(built):
    say(built, members=[{"model": "eye-a"}, {"model": "eye-b", "fallback": True}])

    assert [one.card.model for one in voters(workshop(built), "eyes")] == ["eye-a"]


def test_member_that_is_no_onnx_is_refused_by_name(built):
    store = Store(built.parent / "store")
    card = store.card("eye-b", 1, "int8-onnx")
    store.save_card(card.model_copy(update={"form": "litert"}))
    say(built, weights="uniform")

    with pytest.raises(BuildFailed, match="eye-b int8-onnx must be ONNX, is litert"):
        voters(workshop(built), "eyes")


def test_other_shares_or_another_count_are_another_reference(built):
    write_recipe(built, "held", "fuse", bar=AGAINST)
    keys = set()

    for said in (
        {"weights": [3, 1]},
        {"weights": [1, 1]},
        {"weights": [1, 1], "temperatures": [1, 2]},
        {"weights": [1, 1], "strategy": "majority"},
    ):
        say(built, **said)
        keys.add(engine(built).plan("held").build_key)

    assert len(keys) == 4


def test_members_and_fitted_numbers_that_are_not_there_are_made_first(bare):
    write_recipe(bare, "held", "fuse", bar=AGAINST)
    with pytest.raises(VariantNotFound):
        engine(bare).plan("held")

    result = engine(bare).run("held")

    assert {"eye-a int8-onnx", "eye-b int8-onnx"} < set(variants(bare))
    assert workshop(bare).store.ensemble("eyes").members == ("eye-a", "eye-b")
    assert result.judged.reference is not None
    assert result.judged.reference.name == "eye-a + eye-b"


def test_member_that_a_recipe_makes_is_made_by_it_once(bare):
    write_recipe(
        bare, "own", "fuse", model="eye-b", source={"model": "eye-b"}, bar=EASY
    )
    say(bare, members=[{"model": "eye-a"}, {"model": "eye-b", "variant": "own"}])
    write_recipe(bare, "held", "fuse", bar=AGAINST)

    engine(bare).run("held")

    made = variants(bare)
    assert "eye-b own" in made
    assert "eye-b int8-onnx" not in made
    RAN.clear()
    engine(bare).run("held")
    assert RAN == []


@pytest.mark.parametrize("variant", ["own", "lost"])
def test_older_member_that_no_recipe_makes_is_refused_before_others_are(bare, variant):
    add_version(bare, "eye-b", 7)
    write_recipe(bare, "own", "fuse", model="eye-b", bar=EASY)
    pinned = {"model": "eye-b", "version": 1, "variant": variant}
    say(bare, members=[{"model": "eye-a"}, pinned])
    write_recipe(bare, "held", "fuse", bar=AGAINST)

    with pytest.raises(
        BuildFailed, match=rf"eye-b 1 {variant} is not stored .* newest version, 2"
    ):
        engine(bare).run("held")

    assert RAN == []
    assert variants(bare) == []


def test_older_member_that_models_build_makes_is_made(bare):
    add_version(bare, "eye-b", 7)
    say(bare, members=[{"model": "eye-a"}, {"model": "eye-b", "version": 1}])
    write_recipe(bare, "held", "fuse", bar=AGAINST)

    engine(bare).prepare("held")

    assert workshop(bare).store.card("eye-b", 1, "int8-onnx").version == 1


def test_member_that_is_stored_stays_as_it_is(built):
    write_recipe(built, "held", "fuse", bar=AGAINST)
    before = Store(built.parent / "store").card("eye-b", 1, "int8-onnx")
    write_recipe(built, "eye-b-again", "fuse", model="eye-b", variant="other")

    engine(built).prepare("held")

    assert Store(built.parent / "store").card("eye-b", 1, "int8-onnx") == before
    assert RAN == []


def test_member_below_its_own_bar_is_an_error(bare):
    write_recipe(bare, "own", "half", bar={"max_drop_points": 0.0})
    say(bare, members=[{"model": "eye-a", "variant": "own"}, {"model": "eye-b"}])
    write_recipe(bare, "held", "fuse", bar=AGAINST)

    with pytest.raises(BelowBar, match="eye-a own"):
        engine(bare).run("held")


def test_source_recipe_needs_its_members_too(bare):
    write_recipe(bare, "first", "fuse", bar=AGAINST)
    write_recipe(bare, "then", "fuse", source={"recipe": "first"}, bar=EASY)

    engine(bare).prepare("then")

    assert "eye-b int8-onnx" in variants(bare)

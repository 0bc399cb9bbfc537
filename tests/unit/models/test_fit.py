"""What is fitted for an ensemble, when it is fitted again, and what is served of it."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import yaml

from configs.catalogue import load_catalogue
from models.build import build
from models.card import EnsembleCard
from models.cascade import NEVER
from models.cascade_page import page, summary
from models.collect import find
from models.datasets import open_folder
from models.errors import BuildFailed, NotInCatalogue, VariantNotFound
from models.fit import Photos, build_ensemble, fit, member_cards
from models.runtime import Runner, logits_of_crops
from models.store import Store
from models.weights import ensemble_terms
from models.workshop import Workshop
from tests.tiny_vision import make_tiny_vision, write_photos

CASCADE = {
    "strategy": "cascade",
    "weights": "fitted",
    "temperatures": "fitted",
    "max_drop_points": 10.0,
}


@pytest.fixture(scope="module")
def pristine(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A built catalogue; each test changes a copy."""
    root = make_tiny_vision(tmp_path_factory.mktemp("pristine"))
    list(build(workshop(root)))
    return root


@pytest.fixture
def built(pristine: Path, tmp_path: Path) -> Path:
    shutil.copytree(pristine.parent, tmp_path / "copy")
    return tmp_path / "copy" / "catalogue"


def say(root: Path, **ensemble: object) -> None:
    file = root / "pipelines" / "eyes.yaml"
    content = yaml.safe_load(file.read_text())
    content["ensemble"] |= ensemble
    file.write_text(yaml.safe_dump(content))


def workshop(root: Path) -> Workshop:
    folder = root.parent
    return Workshop(load_catalogue(root), Store(folder / "store"), folder / "cache")


def eyes(root: Path):
    return load_catalogue(root).pipelines["eyes"]


def terms(root: Path):
    shop = workshop(root)
    return ensemble_terms(shop.store, eyes(root), member_cards(shop, eyes(root)))


def built_again(root: Path) -> bool:
    return build_ensemble(workshop(root), eyes(root)).fresh


def test_everything_is_fitted_whatever_the_strategy(built):
    card = workshop(built).store.ensemble("eyes")

    assert (card.version, card.n, card.by_command) == (2, 24, False)
    assert len(card.calibration) == 2
    assert card.cascade is not None
    assert [fact.members for fact in card.subsets] == [(0,), (1,), (0, 1)]
    assert any("too few to hold any out" in told for told in card.warnings)


def test_soft_vote_is_served_as_before(built):
    found = terms(built)

    assert found.temperatures == (1.0, 1.0)
    assert found.thresholds == ()
    assert sum(found.weights) == pytest.approx(1)


def test_cascade_is_fitted_when_the_pipeline_becomes_one(built):
    say(built, **CASCADE)

    with pytest.raises(VariantNotFound, match="fitted thresholds of eyes"):
        terms(built)
    assert built_again(built)
    assert not built_again(built)
    found = terms(built)

    assert sorted(found.order) == [0, 1]
    assert 0 <= found.thresholds[0] <= NEVER
    assert found.temperatures != (1.0, 1.0)


def test_other_promise_is_fitted_anew(built):
    say(built, **CASCADE)
    assert built_again(built)

    say(built, max_drop_points=20.0)

    assert built_again(built)


def test_cascade_without_enough_photos_asks_everybody_and_says_so(built):
    say(built, **CASCADE | {"max_drop_points": 0.5})

    card = build_ensemble(workshop(built), eyes(built)).card

    assert isinstance(card, EnsembleCard)
    assert terms(built).thresholds == (NEVER,)
    assert "so many can promise 4.00 points at best" in card.warnings[-1]


def test_thresholds_may_be_given(built):
    say(built, **CASCADE | {"thresholds": [0.7], "order": "listed"})

    found = terms(built)

    assert (found.order, found.thresholds) == ((0, 1), (0.7,))


def test_fallback_has_no_place_in_the_ladder(built):
    members = [{"model": "eye-a"}, {"model": "eye-b", "fallback": True}]
    say(built, members=members)
    build_ensemble(workshop(built), eyes(built))

    assert workshop(built).store.ensemble("eyes").cascade is None
    assert terms(built).order == (0,)


def test_two_versions_of_one_model_are_two_members(built):
    spec = yaml.safe_load((built / "models" / "eye-b.yaml").read_text())
    older = spec | {"id": "eye-a", "version": 1}
    newest = yaml.safe_load((built / "models" / "eye-a.yaml").read_text())
    newest |= {"version": 2, "version_policy": {"all": True}}
    (built / "models" / "eye-a@1.yaml").write_text(yaml.safe_dump(older))
    (built / "models" / "eye-a.yaml").write_text(yaml.safe_dump(newest))
    say(
        built, **CASCADE, members=[{"model": "eye-a"}, {"model": "eye-a", "version": 1}]
    )
    list(build(workshop(built)))

    found = terms(built)

    assert sorted(found.order) == [0, 1]
    cascade = workshop(built).store.ensemble("eyes").cascade
    assert cascade is not None
    assert sorted(cascade.order) == ["eye-a", "eye-a:1"]


def test_values_rank_choices_by_their_log_loss(built):
    say(built, strategy="budget", values="fitted")
    build_ensemble(workshop(built), eyes(built))
    card = workshop(built).store.ensemble("eyes")

    found = dict(terms(built).values)

    assert found == {fact.members: -fact.log_loss for fact in card.subsets}


def test_fit_on_photos_of_ones_choice_survives_the_next_build(built):
    folder = built.parent / "more"
    write_photos(folder, built.parent / "eye-a.onnx")
    photos = Photos(open_folder(folder), by_command=True)

    card = fit(workshop(built), eyes(built), photos)

    assert card.fitted_on == "more"
    assert not built_again(built)
    assert workshop(built).store.ensemble("eyes") == card


def chosen_fit(built):
    """A fit on photos of somebody's choice, in the folder that is given back."""
    folder = built.parent / "more"
    write_photos(folder, built.parent / "eye-a.onnx")
    photos = Photos(open_folder(folder), by_command=True, folder=folder)
    fit(workshop(built), eyes(built), photos)
    return folder


def test_build_fits_new_members_on_the_photos_that_were_chosen(built):
    chosen_fit(built)
    say(built, members=[{"model": "eye-b"}, {"model": "eye-a"}])

    card = build_ensemble(workshop(built), eyes(built)).card

    assert isinstance(card, EnsembleCard)
    assert (card.fitted_on, card.by_command) == ("more", True)
    assert card.members == ("eye-b", "eye-a")


def test_build_does_not_fit_on_other_photos_when_the_chosen_ones_are_gone(built):
    shutil.rmtree(chosen_fit(built))
    before = workshop(built).store.ensemble("eyes")
    say(built, members=[{"model": "eye-b"}, {"model": "eye-a"}])

    with pytest.raises(BuildFailed, match="more, which `headwater models fit --on`"):
        build_ensemble(workshop(built), eyes(built))

    assert workshop(built).store.ensemble("eyes") == before


def second_version(built):
    """Make the weights of eye-b version 2 of eye-a; version 1 is served as `stable`."""
    file = built / "models" / "eye-a.yaml"
    older = yaml.safe_load(file.read_text())
    weights = yaml.safe_load((built / "models" / "eye-b.yaml").read_text())["weights"]
    newest = older | {"version": 2, "weights": weights}
    newest |= {"version_policy": {"all": True}, "aliases": {"stable": 1}}
    (built / "models" / "eye-a@1.yaml").write_text(yaml.safe_dump(older))
    file.write_text(yaml.safe_dump(newest))
    list(build(workshop(built)))
    return newest


def test_version_that_is_not_served_yet_can_be_fitted_and_is_found_when_it_is(built):
    say(built, **CASCADE)
    newest = second_version(built)
    before = workshop(built).store.ensemble("eyes")
    photos = Photos(workshop(built).materials.dataset("colours"))

    card = fit(workshop(built), eyes(built), photos, {"eye-a": 2})

    assert card.member_versions == (2, 1)
    assert workshop(built).store.ensemble("eyes") == before
    assert not built_again(built)
    file = built / "models" / "eye-a.yaml"
    file.write_text(yaml.safe_dump(newest | {"aliases": {"stable": 2}}))
    assert not built_again(built)
    assert terms(built).weights == card.weights


def test_later_fit_of_what_is_served_replaces_the_one_that_was_made_ahead(built):
    newest = second_version(built)
    photos = Photos(workshop(built).materials.dataset("colours"))
    fit(workshop(built), eyes(built), photos, {"eye-a": 2})
    kept = sorted((built.parent / "store" / "ensembles").iterdir())
    file = built / "models" / "eye-a.yaml"
    file.write_text(yaml.safe_dump(newest | {"aliases": {"stable": 2}}))

    card = fit(workshop(built), eyes(built), photos)

    left = sorted((built.parent / "store" / "ensembles").iterdir())
    assert (len(kept), [one.name for one in left]) == (2, ["eyes.json"])
    assert terms(built).weights == card.weights


def test_fits_of_a_pipeline_that_is_gone_are_garbage(built):
    second_version(built)
    photos = Photos(workshop(built).materials.dataset("colours"))
    fit(workshop(built), eyes(built), photos, {"eye-a": 2})
    store = workshop(built).store
    assert [f for f in find(store, load_catalogue(built), 0) if is_fit(f)] == []

    (built / "pipelines" / "eyes.yaml").unlink()

    assert len([f for f in find(store, load_catalogue(built), 0) if is_fit(f)]) == 2


def is_fit(garbage):
    return garbage.file.parent.name == "ensembles"


def test_version_that_no_member_has_is_refused(built):
    photos = Photos(workshop(built).materials.dataset("colours"))

    with pytest.raises(NotInCatalogue, match="eye-a@7 is not in the catalogue"):
        fit(workshop(built), eyes(built), photos, {"eye-a": 7})


def test_card_of_version_1_is_still_read_and_served(built):
    file = built.parent / "store" / "ensembles" / "eyes.json"
    card = json.loads(file.read_text())
    new = ("version", "dataset_sha256", "by_command", "calibration", "cascade")
    for key in (*new, "subsets", "warnings", "folder", "member_versions"):
        del card[key]
    file.write_text(json.dumps(card))

    assert workshop(built).store.ensemble("eyes").version == 1
    assert terms(built).weights == tuple(card["weights"])
    say(built, temperatures="fitted")
    with pytest.raises(VariantNotFound, match="fitted temperatures of eyes"):
        terms(built)


def test_calibration_error_is_measured_on_the_logits_of_the_members(built):
    shop = workshop(built)
    card = shop.store.ensemble("eyes")
    (first, _) = member_cards(shop, eyes(built))
    assert first.image is not None
    crops = shop.materials.crops("colours", first.image, lambda *told: None)
    logits = logits_of_crops(
        Runner(shop.store.file(first.model_file)), crops, first.image
    )

    assert np.isfinite(logits).all()
    fact = card.calibration[0]
    assert fact.before.low <= fact.before.value <= fact.before.high
    assert fact.temperature > 0


def test_page_and_summary_tell_members_cascade_and_notes(built):
    say(built, **CASCADE)
    build_ensemble(workshop(built), eyes(built))
    card = workshop(built).store.ensemble("eyes")

    told = page(card)

    assert "# eyes" in told
    assert "| eye-a |" in told
    assert "## Cascade" in told
    assert "Note: 24 photos are too few" in told
    assert any(line.startswith("  cascade:") for line in summary(card))

"""What of a store can go, and what must stay."""

import pytest
import yaml

from configs.catalogue import load_catalogue
from models import collect
from models.errors import StoreCorrupt
from models.pins import pin, unpin
from models.store import Store
from tests.fakes_search import a_recipe
from tests.stored import a_card, add, grow_old
from tests.tiny_models import make_tiny_catalogue


@pytest.fixture
def root(tmp_path):
    return make_tiny_catalogue(tmp_path)


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "store")


def put(root, store, model, variant, content):
    spec = load_catalogue(root).models[model]
    card = a_card(spec, variant, add(store, root, content))
    store.save_card(card)
    return card


def rewrite(root, kind, name, **changes):
    file = root / kind / f"{name}.yaml"
    file.write_text(yaml.safe_dump(yaml.safe_load(file.read_text()) | changes))


def reasons(garbage):
    return sorted((one.file.name, one.reason) for one in garbage)


def left(store):
    return {file.name for file in store.stored_files()}


def test_file_that_no_card_names_goes_when_it_is_old(root, store):
    kept = put(root, store, "tiny-a", "fp32-onnx", b"kept").model_file
    loose = add(store, root, b"loose")
    grow_old(store.root)

    garbage = collect.remove(store)

    assert reasons(garbage) == [(loose.sha256, "no card names it")]
    assert [one.size_bytes for one in garbage] == [5]
    assert left(store) == {kept.sha256}


def test_young_file_stays_because_its_card_may_come_last(root, store):
    young = add(store, root, b"young")

    assert collect.remove(store) == []
    assert left(store) == {young.sha256}


def test_old_file_that_a_build_stores_again_is_young(root, store):
    again = add(store, root, b"again")
    grow_old(store.root)
    add(store, root, b"again")

    assert collect.remove(store) == []
    assert left(store) == {again.sha256}


def test_finding_removes_nothing(root, store):
    loose = add(store, root, b"loose")
    grow_old(store.root)

    assert len(collect.find(store)) == 1
    assert left(store) == {loose.sha256}


def test_every_file_of_a_card_stays(root, store):
    spec = load_catalogue(root).models["tiny-a"]
    facts = [add(store, root, content) for content in (b"1", b"2", b"3", b"4", b"5")]
    named = {"labels_file": facts[1], "manifest": facts[2], "golden": facts[3]}
    card = a_card(spec, "x", facts[0], files={"tokenizer.json": facts[4]}, **named)
    store.save_card(card)
    grow_old(store.root)

    assert collect.remove(store) == []


def test_file_of_a_deployment_stays_until_it_ends(root, store):
    old = put(root, store, "tiny-a", "fp32-onnx", b"old")
    pin(store, [old])
    put(root, store, "tiny-a", "fp32-onnx", b"new")
    grow_old(store.root)

    during = collect.remove(store)
    unpin(store)
    after = collect.remove(store)

    assert during == []
    assert reasons(after) == [(old.model_file.sha256, "no card names it")]


def test_pin_that_cannot_be_read_stops_everything(root, store):
    pin(store, [put(root, store, "tiny-a", "fp32-onnx", b"old")])
    (file,) = store.root.glob("pins/*.json")
    file.write_text("[")
    add(store, root, b"loose")
    grow_old(store.root)

    with pytest.raises(StoreCorrupt, match="pins/"):
        collect.remove(store)

    assert len(left(store)) == 2


def test_card_that_cannot_be_read_stops_everything(root, store):
    card = put(root, store, "tiny-a", "fp32-onnx", b"old")
    store.card_file(card).write_text("{")
    grow_old(store.root)

    with pytest.raises(StoreCorrupt, match="unreadable card"):
        collect.remove(store)

    assert len(left(store)) == 1


def test_cards_stay_unless_it_is_asked(root, store):
    put(root, store, "tiny-a", "experiment", b"mine")
    grow_old(store.root)

    assert collect.remove(store) == []


@pytest.mark.parametrize("variant", ["fp32-onnx", "int8-onnx"])
def test_variant_that_a_build_makes_is_named(root, store, variant):
    put(root, store, "tiny-a", variant, b"built")
    grow_old(store.root)

    assert collect.remove(store, load_catalogue(root)) == []


def test_card_that_the_catalogue_does_not_name_goes_with_its_file(root, store):
    card = put(root, store, "tiny-a", "experiment", b"mine")
    grow_old(store.root)

    collect.remove(store, load_catalogue(root))

    assert store.cards() == []
    assert not store.path(card.model_file.sha256).exists()


def test_card_of_another_version_goes(root, store):
    put(root, store, "tiny-a", "fp32-onnx", b"one")
    rewrite(root, "models", "tiny-a", version=2)
    grow_old(store.root)

    collect.remove(store, load_catalogue(root))

    assert store.cards() == []


@pytest.mark.parametrize("said", ["experiment", "auto"])
def test_variant_that_a_pipeline_may_take_stays(root, store, said):
    put(root, store, "tiny-a", "experiment", b"mine")
    members = [{"model": "tiny-a", "variant": said}, {"model": "tiny-b"}]
    rewrite(root, "pipelines", "tiny", ensemble={"members": members})
    grow_old(store.root)

    assert collect.remove(store, load_catalogue(root)) == []


def test_winner_of_a_search_stays(root, store):
    put(root, store, "tiny-a", "found-w50-p0-qat", b"mine")
    recipe = a_recipe(model="tiny-a", data={})
    (root / "recipes").mkdir()
    written = yaml.safe_dump(recipe.model_dump(mode="json"))
    (root / "recipes" / "find.yaml").write_text(written)
    grow_old(store.root)

    assert collect.remove(store, load_catalogue(root)) == []


def test_shadow_of_a_pipeline_stays(root, store):
    put(root, store, "tiny-a", "on-devices", b"mine")
    put(root, store, "tiny-b", "on-devices", b"of another model")
    members = [{"model": "tiny-a", "variant": "on-devices"}]
    rewrite(root, "pipelines", "tiny", shadow={"members": members})
    grow_old(store.root)

    collect.remove(store, load_catalogue(root))

    assert [card.model for card in store.cards()] == ["tiny-a"]


def test_young_card_stays(root, store):
    put(root, store, "tiny-a", "experiment", b"mine")

    assert collect.remove(store, load_catalogue(root)) == []


def test_scratch_of_a_killed_writer_goes_after_an_hour(store):
    folder = store.root / "files" / "ab"
    folder.mkdir(parents=True)
    for name, age_s in ((".new-dead", 3601), (".new-alive", 0)):
        (folder / name).write_bytes(b"half")
        grow_old(folder / name, age_s)

    garbage = collect.remove(store)

    assert reasons(garbage) == [(".new-dead", "left by a killed writer")]
    assert [file.name for file in folder.iterdir()] == [".new-alive"]

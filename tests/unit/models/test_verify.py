"""A store that was damaged in one place, and what is said about it."""

import json

import numpy as np
import pytest

from models.errors import StoreCorrupt
from models.golden import differences
from models.store import Store
from models.verify import verify
from tests.stored import add
from tests.tiny_models import build_tiny_store, make_tiny_catalogue, write_tiny_onnx

MODEL = "tiny-a 1 fp32-onnx"


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    folder = tmp_path_factory.mktemp("built")
    return build_tiny_store(make_tiny_catalogue(folder), folder / "store").root


@pytest.fixture
def store(built, tmp_path):
    import shutil

    return Store(shutil.copytree(built, tmp_path / "store"))


def card_of(store, model="tiny-a"):
    return store.card(model, 1, "fp32-onnx")


def overwrite(path, content):
    path.chmod(0o644)
    path.write_bytes(content)


def told(store, state="damaged"):
    found = [one for one in verify(store) if one.state == state]
    return [(one.name, one.check, one.text) for one in found]


def test_whole_store_has_its_files_manifests_and_answers(store):
    found = list(verify(store))

    assert {one.state for one in found} == {"ok"}
    assert [one.check for one in found if one.name == MODEL] == [
        "files",
        "manifest",
        "answers",
    ]


@pytest.mark.parametrize("role", ["model", "labels", "manifest", "golden"])
def test_file_that_has_changed_is_named_by_what_it_is(store, role):
    fact = card_of(store).stored()[role]
    overwrite(store.path(fact.sha256), b"x" * fact.size_bytes)

    damaged = told(store)

    assert (MODEL, role) in [(name, check) for name, check, _ in damaged]
    assert "has changed in the store" in damaged[0][2]


def test_missing_file_is_damage(store):
    store.path(card_of(store).model_file.sha256).unlink()

    ((name, check, text),) = told(store)

    assert (name, check) == (MODEL, "model")
    assert "is missing from the store" in text


def test_card_that_cannot_be_read_does_not_hide_the_others(store):
    store.card_file(card_of(store)).write_text("{")

    assert [(name, check) for name, check, _ in told(store)] == [(MODEL, "card")]
    assert ("tiny-b 1 fp32-onnx", "answers") in [
        (one.name, one.check) for one in verify(store) if one.state == "ok"
    ]


def test_card_in_another_cards_place_is_damage(store):
    other = store.card_file(card_of(store, "tiny-b")).read_bytes()
    store.card_file(card_of(store)).write_bytes(other)

    ((name, check, text),) = told(store)

    assert (name, check) == (MODEL, "card")
    assert "holds the card of tiny-b 1 fp32-onnx" in text


def test_manifest_that_lists_other_files_is_damage(store):
    other = card_of(store, "tiny-b").manifest
    store.save_card(card_of(store).model_copy(update={"manifest": other}))

    assert told(store) == [(MODEL, "manifest", "it lists other files than the card")]


def test_manifest_that_is_none_is_damage(store, tmp_path):
    wrong = add(store, tmp_path, b"[]")
    store.save_card(card_of(store).model_copy(update={"manifest": wrong}))

    assert told(store) == [(MODEL, "manifest", "it is no SPDX document")]


def swap_model(store, tmp_path, **changes):
    """A card whose model file is whole, but not the one that was built."""
    card = card_of(store)
    write_tiny_onnx(tmp_path / "other.onnx", seed=7)
    fact = store.add_file(tmp_path / "other.onnx")
    store.save_card(card.model_copy(update={"model_file": fact, **changes}))


def test_variant_that_answers_otherwise_is_damage(store, tmp_path):
    swap_model(store, tmp_path, manifest=None)

    ((name, check, text),) = told(store)

    assert (name, check) == (MODEL, "answers")
    assert text.startswith("logits is off by")


def test_other_answers_of_another_kind_of_machine_are_only_said(store, tmp_path):
    there = {"architecture": "aarch64", "cpu": "Neoverse", "int8": "exact"}
    swap_model(store, tmp_path, manifest=None, machine=there)

    assert told(store) == []
    text = [text for _, check, text in told(store, "note") if check == "answers"]
    assert text[0].endswith("another kind of machine: aarch64, Neoverse, exact")


def test_file_the_runtime_refuses_is_damage(store, tmp_path):
    wrong = add(store, tmp_path, b"no model")
    changes = {"model_file": wrong, "manifest": None}
    store.save_card(card_of(store).model_copy(update=changes))

    ((_, check, text),) = told(store)

    assert check == "answers"
    assert text.startswith("it does not run: ")


def test_golden_file_that_is_none_is_refused(store, tmp_path):
    wrong = add(store, tmp_path, b"no arrays")
    model = store.file(card_of(store).model_file)

    with pytest.raises(StoreCorrupt, match="is no golden file"):
        differences(model, store.file(wrong))


def test_card_without_manifest_and_golden_is_said(store):
    changes = {"manifest": None, "golden": None}
    store.save_card(card_of(store).model_copy(update=changes))

    assert told(store) == []
    assert [check for name, check, _ in told(store, "note") if name == MODEL] == [
        "manifest",
        "answers",
    ]


def test_file_that_no_card_names_is_hashed_too(store, tmp_path):
    loose = add(store, tmp_path, b"loose")
    overwrite(store.path(loose.sha256), b"lost!")

    assert told(store) == [(loose.sha256, "file", "its content has another digest")]
    assert "1 files no card names" in told(store, "note")[0][2]


def test_golden_outputs_hold_tensors_and_how_exact_they_are(store):
    golden = store.file(card_of(store).golden)

    with np.load(golden, allow_pickle=False) as held:
        assert sorted(held) == ["input:features", "output:logits", "tolerance:logits"]
        assert 0 < held["tolerance:logits"] < 1e-2


def test_manifest_names_sources_packages_and_files(store):
    card = card_of(store)

    document = json.loads(store.file(card.manifest).read_bytes())

    packages = {one["name"]: one for one in document["packages"]}
    assert document["spdxVersion"] == "SPDX-2.3"
    assert packages["tiny-a"]["licenseDeclared"] == "Apache-2.0"
    assert packages["source of tiny-a"]["sourceInfo"] == card.source_uri
    assert packages["source of tiny-a"]["checksums"] == [
        {"algorithm": "SHA256", "checksumValue": card.source_sha256}
    ]
    assert packages["numpy"]["versionInfo"] == np.__version__
    assert sorted(file["comment"] for file in document["files"]) == [
        "golden",
        "labels",
        "model",
    ]
    told = [json.loads(a["comment"]) for a in packages["tiny-a"]["annotations"]]
    assert {"build_key": card.build_key} in told
    assert {"machine": dict(card.machine)} in told


def test_every_part_of_a_manifest_that_is_related_is_there(store):
    document = json.loads(store.file(card_of(store).manifest).read_bytes())

    parts = [*document["packages"], *document["files"], document]
    known = [part["SPDXID"] for part in parts]
    related = {
        one[end]
        for one in document["relationships"]
        for end in ("spdxElementId", "relatedSpdxElement")
    }
    assert len(known) == len(set(known))
    assert related == set(known)

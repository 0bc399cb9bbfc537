"""Folders of exported files."""

import json

import pytest

from configs.catalogue import packaged_catalogue
from configs.device import load_devices
from edge.exporting.choice import best
from edge.exporting.folder import candidate, write
from edge.exporting.forms import EVIDENCE, size_bytes
from models.errors import StoreCorrupt
from models.store import Store
from tests.fakes_litert import carried, lite_card, packed
from tests.fakes_mobile import checks
from tests.tiny_lite import put, tiny_int8

DEVICES = load_devices(packaged_catalogue())


def stored(folder):
    store = Store(folder / "store")
    files = {
        name: store.add_file(put(folder, name.encode(), name))
        for name in ("checks.json", "golden.npz")
    }
    fact = store.add_file(put(folder, tiny_int8()))
    update = {"model_file": fact, "files": files}
    return store, lite_card("int8-litert").model_copy(update=update)


def exported(folder, device, out="out"):
    store, made = stored(folder)
    chosen = candidate(store, made, DEVICES[device])
    return write(store, chosen, DEVICES[device], folder / out)


def test_folder_holds_the_file_its_proof_and_a_page(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))

    folder = exported(tmp_path, "edge-tpu").folder

    assert sorted(file.name for file in folder.iterdir()) == [
        "card.json", "checks.json", "golden.npz", "model.tflite", "readiness.json",
        "report.md",
    ]  # fmt: skip
    assert (folder / "model.tflite").read_bytes() == tiny_int8()
    assert json.loads((folder / "readiness.json").read_text())["mapped"] == 3


def test_firmware_gets_the_file_as_c(tmp_path):
    folder = exported(tmp_path, "microcontroller").folder

    text = (folder / "model.cc").read_text()
    assert "digits_int8_litert_len" in text
    assert text.count("0x") == len(tiny_int8())


def test_exporting_twice_gives_the_same_bytes(tmp_path):
    one = exported(tmp_path, "mobile", "one").folder
    two = exported(tmp_path, "mobile", "two").folder

    held = [{f.name: f.read_bytes() for f in folder.iterdir()} for folder in (one, two)]

    assert held[0] == held[1]


def described(folder):
    """The same variant with metadata beside it, as a check leaves it."""
    store, made = stored(folder)
    files = {
        name: store.add_file(put(folder, content, name))
        for name, content in (("metadata.bin", b"[1]"), ("metadata.json", b"{}"))
    }
    labels = store.add_file(put(folder, b"one\ntwo\n", "labels.txt"))
    update = {"files": {**made.files, **files}, "labels_file": labels}
    return store, made.model_copy(update=update)


def written(folder, device):
    store, made = described(folder)
    chosen = candidate(store, made, DEVICES[device])
    return write(store, chosen, DEVICES[device], folder / "out").folder


@pytest.mark.parametrize("device", ["mobile", "android", "ios"])
def test_phones_get_a_file_that_says_what_it_is(tmp_path, device):
    folder = written(tmp_path, device)

    file = folder / "model.tflite"
    assert carried(file) == [1]
    assert packed(file) == {"labels.txt": "one\ntwo\n"}
    assert (folder / "metadata.json").read_text() == "{}"


@pytest.mark.parametrize("device", ["edge-tpu", "microcontroller", "linux-arm"])
def test_other_classes_get_the_file_as_it_was_checked(tmp_path, monkeypatch, device):
    monkeypatch.setenv("PATH", str(tmp_path))

    folder = written(tmp_path, device)

    assert (folder / "model.tflite").read_bytes() == tiny_int8()
    assert not [one.name for one in folder.iterdir() if "metadata" in one.name]


def package(folder, macs=3_000_000, **more):
    """A stored package: weights, a program and a manifest, with its checks."""
    store, made = stored(folder)
    cost = {"macs": macs, "weights_bytes": 1000, "arena_bytes": 2000}
    said = checks("coreml", "coreml-9", specification=8, cost=cost, **more)
    inside = {
        "model.mlpackage/Manifest.json": b"{}",
        "model.mlpackage/Data/com.apple.CoreML/model.mlmodel": b"program",
        "checks.json": said.model_dump_json().encode(),
    }
    files = {n: store.add_file(put(folder, c, "one")) for n, c in inside.items()}
    weights = store.add_file(put(folder, b"weights", "weight.bin"))
    update = {"form": "coreml", "model_file": weights, "files": files}
    return store, made.model_copy(update=update)


def test_package_is_written_as_the_folder_that_it_is(tmp_path):
    store, made = package(tmp_path)
    chosen = candidate(store, made, DEVICES["ios"])

    folder = write(store, chosen, DEVICES["ios"], tmp_path / "out").folder

    inside = folder / "model.mlpackage"
    assert (inside / "Manifest.json").read_bytes() == b"{}"
    assert (
        inside / "Data/com.apple.CoreML/weights/weight.bin"
    ).read_bytes() == b"weights"
    assert size_bytes(made) == len(b"weights") + len(b"program") + len(b"{}")


def test_file_of_another_form_does_not_stay_beside_the_new_one(tmp_path):
    store, made = package(tmp_path)
    _, lite = stored(tmp_path)
    ios, out = DEVICES["ios"], tmp_path / "out"
    write(store, candidate(store, made, ios), ios, out)

    folder = write(store, candidate(store, lite, ios), ios, out).folder

    assert (folder / "model.tflite").exists()
    assert not (folder / "model.mlpackage").exists()


def test_evidence_of_another_form_does_not_stay_beside_the_new_one(tmp_path):
    store, made = package(tmp_path)
    _, lite = stored(tmp_path)
    ios, out = DEVICES["ios"], tmp_path / "out"
    first = write(store, candidate(store, lite, ios), ios, out).folder
    for name in EVIDENCE:
        (first / name).write_text("of the .tflite")

    folder = write(store, candidate(store, made, ios), ios, out).folder

    assert folder == first
    assert [file.name for file in folder.iterdir() if file.name in EVIDENCE] == []


def test_checks_that_cannot_be_read_are_named_as_such(tmp_path):
    store, made = package(tmp_path)
    bad = store.add_file(put(tmp_path, b"{}", "bad.json"))
    broken = made.model_copy(update={"files": {**made.files, "checks.json": bad}})

    with pytest.raises(StoreCorrupt, match=r"unreadable checks\.json"):
        candidate(store, broken, DEVICES["ios"])


@pytest.mark.parametrize(("device", "form"), [("ios", "coreml"), ("android", "litert")])
def test_class_takes_the_fastest_of_the_forms_that_it_runs(tmp_path, device, form):
    store, made = package(tmp_path, macs=1, arithmetic="float16")
    _, lite = stored(tmp_path)
    held = [candidate(store, one, DEVICES[device]) for one in (lite, made)]

    chosen = best(held, DEVICES[device])

    assert chosen is not None
    assert chosen.card.form == form


def test_variant_that_is_not_for_devices_is_refused_by_name(tmp_path):
    store, made = stored(tmp_path)

    found = candidate(
        store, made.model_copy(update={"form": "onnx"}), DEVICES["android"]
    )

    assert "onnx is no form for devices" in found.readiness.fatal[0]

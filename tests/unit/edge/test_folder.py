"""Folders of exported files."""

import json

from configs.catalogue import packaged_catalogue
from configs.device import load_devices
from edge.exporting.folder import candidate, write
from models.store import Store
from tests.fakes_litert import lite_card
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

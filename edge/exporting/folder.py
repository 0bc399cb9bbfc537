"""What a device class gets: the file, its proof, labels, a page; for firmware also C.

    OUT/<class>/
      model.tflite  golden.npz  checks.json  labels.txt
      model.pte  model.mlpackage/  model.ort instead, by what the class takes
      metadata.json                          where the .tflite carries metadata
      card.json     readiness.json           report.md
      model.cc                               where the class has no file system
      edgetpu.log   model_edgetpu.tflite     where the compiler is installed

The same variant gives the same bytes; nothing in it says when or where it was written.
"""

import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from configs.device import FORMS, DeviceSpec
from edge.exporting import forms
from edge.exporting.choice import Candidate
from edge.exporting.page import page
from edge.readiness.classes import readiness
from edge.readiness.compiler import Compiled, compiled, held_to
from edge.readiness.declared import declared, foreign
from edge.readiness.findings import Readiness
from edge.readiness.micro import as_c_array
from models.atomic import write_whole
from models.card import Card
from models.errors import StoreCorrupt
from models.litert.reading import read_file
from models.mobile.checks import Checks
from models.recipes.pieces import LITERT
from models.store import Store


@dataclass(frozen=True, slots=True)
class Exported:
    """One class's folder, and what the compiler said where it is installed."""

    device: str
    candidate: Candidate
    folder: Path
    compiled: Compiled | None = None


def candidate(store: Store, card: Card, device: DeviceSpec) -> Candidate:
    """`card` held against `device`.

    Raises:
        StoreCorrupt: a file is missing or has changed, or its checks cannot be read.
        BadModelFile: its file is no sound .tflite.
    """
    return Candidate(card, _held_against(store, card, device))


def _held_against(store: Store, card: Card, device: DeviceSpec) -> Readiness:
    size = forms.size_bytes(card)
    if card.form == "litert":
        return readiness(read_file(store.file(card.model_file)), device, size)
    if card.form not in FORMS.values() or forms.CHECKS not in card.files:
        return foreign(card.form, device)
    content = store.file(card.files[forms.CHECKS]).read_bytes()
    try:
        checks = Checks.model_validate_json(content)
    except ValidationError as error:
        name = f"{card.model} {card.variant}"
        raise StoreCorrupt(name, f"has an unreadable {forms.CHECKS}") from error
    return declared(checks, device, size)


def write(
    store: Store, chosen: Candidate, device: DeviceSpec, target: Path
) -> Exported:
    """Fill `target`/<class>.

    Raises:
        StoreCorrupt: a file of the variant is missing or has changed.
        ToolFailed: the Edge TPU's compiler is installed and gave no report.
    """
    folder, card = target / device.id, chosen.card
    folder.mkdir(parents=True, exist_ok=True)
    _fill(store, card, device, folder)
    said = compiled(folder / LITERT) if device.accelerator == "edge-tpu" else None
    if device.litert == "litert-micro":
        content = (folder / LITERT).read_bytes()
        _text(folder / "model.cc", as_c_array(content, _identifier(card)))
    facts = {**chosen.readiness.as_json(), "device": device.model_dump(mode="json")}
    if chosen.bar is not None:
        facts["bar"] = chosen.bar.as_json()
    if said is not None:
        facts["compiler"] = _held(chosen, said)
    _text(folder / "readiness.json", _json(facts))
    _text(folder / "card.json", card.model_dump_json(indent=1, exclude={"created"}))
    _text(folder / "report.md", page(chosen, device))
    return Exported(device.id, chosen, folder, said)


def _fill(store: Store, card: Card, device: DeviceSpec, folder: Path) -> None:
    """Put the variant's own files there, and take away those of another file."""
    files = forms.named(card, device)
    for name in forms.OTHERS:
        if name not in files:
            _remove(folder / name)
    for name, fact in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        with write_whole(folder / name) as written:
            shutil.copyfile(store.file(fact), written)
    if forms.is_described(card, device):
        with write_whole(folder / LITERT) as written:
            written.write_bytes(forms.described(store, card))


def _remove(old: Path) -> None:
    if old.is_dir():
        shutil.rmtree(old)
    else:
        old.unlink(missing_ok=True)


def _held(chosen: Candidate, said: Compiled) -> Mapping[str, object]:
    agreed = held_to(chosen.readiness.findings, said)
    rows = [[name, status, n] for (name, status), n in sorted(said.rows.items())]
    return {
        "rows": rows,
        "failures": list(said.failures),
        "precision": agreed.precision,
        "recall": agreed.recall,
    }


def _identifier(card: Card) -> str:
    words = f"{card.model}_{card.variant}".replace("-", "_")
    return "".join(one for one in words if one.isalnum() or one == "_")


def _json(content: object) -> str:
    return json.dumps(content, indent=1, sort_keys=True)


def _text(file: Path, text: str) -> None:
    with write_whole(file) as written:
        written.write_text(f"{text.rstrip()}\n", encoding="utf-8")

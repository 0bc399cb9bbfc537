"""Whether a store still holds what was put in: hashes, cards, manifests, answers."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from models import golden, machine
from models.atomic import stale_scratch
from models.card import Card, FileFact
from models.errors import ModelError, StoreCorrupt
from models.progress import Progress, silent
from models.store import Store, digest

State = Literal["ok", "note", "damaged"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was checked: `note` is worth knowing, `damaged` must be mended."""

    name: str
    check: str
    state: State
    text: str = ""


def verify(store: Store, progress: Progress = silent) -> Iterator[Finding]:
    """Check every card with its files and answers, then what no card names."""
    found, named, files = [], set[str](), store.card_files()
    for done, file in enumerate(files):
        progress("verify", done, len(files))
        try:
            card = _read(store, file)
        except ModelError as error:
            yield Finding(_name(file), "card", "damaged", str(error))
            continue
        named |= {fact.sha256 for fact in card.stored().values()}
        found.append(card)
        yield from _of_card(store, card)
    progress("verify", len(files), len(files))
    yield from _ensembles(store, {card.model_file.sha256 for card in found})
    yield from _unnamed(store, named)


def _read(store: Store, file: Path) -> Card:
    model, version, variant = file.parts[-3], file.parts[-2], file.stem
    card = store.card(model, int(version) if version.isdigit() else -1, variant)
    if (card.model, str(card.version), card.variant) != (model, version, variant):
        told = f"{card.model} {card.version} {card.variant}"
        raise StoreCorrupt(_name(file), f"holds the card of {told}")
    return card


def _of_card(store: Store, card: Card) -> Iterator[Finding]:
    name, whole = f"{card.model} {card.version} {card.variant}", True
    for role, fact in card.stored().items():
        reason = _damage(store, fact)
        whole = whole and not reason
        if reason:
            yield Finding(name, role, "damaged", reason)
    if not whole:
        return
    yield Finding(name, "files", "ok", f"{len(card.stored())} with their digests")
    yield _manifest(store, card, name)
    yield _answers(store, card, name)


def _damage(store: Store, fact: FileFact) -> str:
    try:
        store.file(fact)
    except StoreCorrupt as error:
        return str(error)
    return ""


def _manifest(store: Store, card: Card, name: str) -> Finding:
    """Whether the manifest lists exactly the files of the card."""
    if card.manifest is None:
        text = "none: it was made before there were manifests"
        return Finding(name, "manifest", "note", text)
    wanted = {f.sha256 for role, f in card.stored().items() if role != "manifest"}
    try:
        told = json.loads(store.file(card.manifest).read_bytes())
        listed = {
            checksum["checksumValue"]
            for file in told["files"]
            for checksum in file["checksums"]
            if checksum["algorithm"] == "SHA256"
        }
    except (ValueError, KeyError, TypeError):
        return Finding(name, "manifest", "damaged", "it is no SPDX document")
    if listed != wanted:
        return Finding(
            name, "manifest", "damaged", "it lists other files than the card"
        )
    return Finding(name, "manifest", "ok", f"{len(told['packages'])} packages")


def _answers(store: Store, card: Card, name: str) -> Finding:
    """Whether the variant answers as it did when it was built."""
    if card.golden is None:
        return Finding(name, "answers", "note", "no golden outputs were kept")
    try:
        model, kept = store.file(card.model_file), store.file(card.golden)
        told = golden.differences(model, kept)
    except StoreCorrupt as error:
        return Finding(name, "answers", "damaged", str(error))
    if not told:
        return Finding(name, "answers", "ok", "as when it was built")
    here, there = machine.kind(machine.describe()), machine.kind(card.machine)
    if here != there:
        text = f"{told[0]}; built on another kind of machine: {there}"
        return Finding(name, "answers", "note", text)
    return Finding(name, "answers", "damaged", "; ".join(told))


def _ensembles(store: Store, known: set[str]) -> Iterator[Finding]:
    for file in sorted(store.root.glob("ensembles/[!.]*.json")):
        name = f"ensemble of {file.stem}"
        try:
            members = store.ensemble(file.stem).member_files
        except StoreCorrupt as error:
            yield Finding(name, "card", "damaged", str(error))
            continue
        if known.issuperset(members):
            yield Finding(name, "card", "ok", f"{len(members)} members")
        else:
            text = "fitted for files that no card names any more"
            yield Finding(name, "card", "note", text)


def _unnamed(store: Store, named: set[str]) -> Iterator[Finding]:
    """Files that no card names: their content must be what they are called too."""
    loose = [f for f in store.stored_files() if f.name not in named]
    for file in loose:
        if digest(file) != file.name:
            yield Finding(
                file.name, "file", "damaged", "its content has another digest"
            )
    scratch = stale_scratch(store.root)
    if loose or scratch:
        text = (
            f"{len(loose)} files no card names, {len(scratch)} left by killed writers"
        )
        yield Finding("store", "room", "note", f"{text}; see `headwater models gc`")


def _name(file: Path) -> str:
    return f"{file.parts[-3]} {file.parts[-2]} {file.stem}"

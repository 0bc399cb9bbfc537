"""Latency on this kind of machine, where a card was made on another.

    store/latency/<machine kind, hashed>/<sha256 of the model file>.json

Kept beside the cards, which tell of the machine that made them. Measuring is in
`models.measure`.
"""

import hashlib
from collections.abc import Mapping, Sequence
from datetime import datetime, timezone
from pathlib import Path

from pydantic import ValidationError

from models import machine
from models.atomic import write_whole
from models.card import Card, LatencyFact, TimedFact
from models.store import Store


def timed(store: Store, card: Card, here: str) -> tuple[Sequence[LatencyFact], bool]:
    """The latency rows that count on a machine of kind `here`, and whether they are of it.

    Rows of another kind are better than none. What cannot be read counts as not there:
    it is only a measurement, made again with `--measure`.
    """
    if machine.kind(card.machine) == here:
        return card.latency, True
    file = _file(store, card, here)
    if not file.is_file():
        return card.latency, False
    try:
        return TimedFact.model_validate_json(file.read_bytes()).latency, True
    except ValidationError:
        return card.latency, False


def keep(
    store: Store,
    card: Card,
    latency: Sequence[LatencyFact],
    described: Mapping[str, str],
) -> None:
    """Keep what was measured of `card`'s variant on the machine `described`.

    Raises:
        StoreUnwritable: the disk is full or refuses.
    """
    fact = TimedFact(
        model_file=card.model_file.sha256,
        created=datetime.now(tz=timezone.utc).isoformat(timespec="seconds"),
        latency=tuple(latency),
        machine=described,
    )
    with write_whole(_file(store, card, machine.kind(described))) as written:
        written.write_text(fact.model_dump_json(indent=2) + "\n", encoding="utf-8")


def _file(store: Store, card: Card, here: str) -> Path:
    hashed = hashlib.sha256(here.encode()).hexdigest()[:16]
    return store.root / "latency" / hashed / f"{card.model_file.sha256}.json"

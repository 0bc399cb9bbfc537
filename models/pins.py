"""Which files a deployment opens, so that none is removed under its replicas.

A replica that dies is started again with the cards it had, also when the model was built
anew meanwhile and no card of the store names its old file any more.
"""

import hashlib
import json
from collections.abc import Iterable

from models.atomic import write_whole
from models.card import Card
from models.errors import StoreCorrupt
from models.store import Store


def pin(store: Store, cards: Iterable[Card]) -> None:
    """Keep the files of `cards` until `unpin`; repeated, it changes nothing.

    Raises:
        StoreUnwritable: the disk is full or refuses.
    """
    files = {fact.sha256 for card in cards for fact in card.stored().values()}
    text = json.dumps(sorted(files))
    name = hashlib.sha256(text.encode()).hexdigest()[:16]
    with write_whole(store.root / "pins" / f"{name}.json") as written:
        written.write_text(text, encoding="utf-8")


def unpin(store: Store) -> None:
    """Forget every deployment: none runs any more."""
    for file in store.root.glob("pins/*.json"):
        file.unlink(missing_ok=True)


def pinned(store: Store) -> frozenset[str]:
    """The digests of every file that a deployment may open.

    Raises:
        StoreCorrupt: a pin cannot be read, so nobody knows what it keeps.
    """
    found: set[str] = set()
    for file in store.root.glob("pins/[!.]*.json"):
        try:
            found |= set(json.loads(file.read_bytes()))
        except (ValueError, TypeError) as error:
            raise StoreCorrupt(f"pins/{file.name}", "cannot be read") from error
    return frozenset(found)

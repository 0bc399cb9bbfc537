"""A store that several machines share: what one has built, the others fetch.

    <uri>/builds/<build key>.json      a card
    <uri>/files/<first two>/<sha256>   what cards name

`s3://`, `gs://` or `file://`. It only saves work: whatever goes wrong with it is a
warning, and the build goes on without. Content is checked against its digest; who may
write there decides what a build key means, so give that right to who may deploy.
"""

import logging
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import fsspec
from pydantic import ValidationError

from models.atomic import write_whole
from models.card import Card, FileFact
from models.errors import SourceUnreachable, StoreUnwritable
from models.sources import failures
from models.store import Store, digest

log = logging.getLogger(__name__)

CONNECT_TIMEOUT_S = 5.0
_S3 = {"connect_timeout": CONNECT_TIMEOUT_S, "retries": {"max_attempts": 1}}


@dataclass(frozen=True, slots=True)
class Asked:
    """The variant that is about to be built."""

    model: str
    version: int
    variant: str
    build_key: str

    def is_of(self, card: Card) -> bool:
        """Whether `card` is what was asked for."""
        told = (card.model, card.version, card.variant, card.build_key)
        return told == (self.model, self.version, self.variant, self.build_key)


class _Refused(Exception):
    """What the remote store holds is not what it should be."""


class Remote:
    """One remote store; after its first failure it is left alone.

    Raises:
        SourceUnreachable: the library of its scheme is not installed.
    """

    def __init__(self, uri: str) -> None:
        self.uri, self._is_down = uri.rstrip("/"), False
        is_s3 = uri.startswith("s3://")
        options: dict[str, object] = {"config_kwargs": _S3} if is_s3 else {}
        try:
            self._files, self._root = fsspec.core.url_to_fs(self.uri, **options)
        except ImportError as error:
            extra = "s3" if is_s3 else "gcs"
            reason = f"install headwater[{extra}]"
            raise SourceUnreachable(uri, reason) from error

    def pull(self, store: Store, asked: Asked) -> Card | None:
        """Bring a variant and its files into `store`; None: it is not to be had.

        Raises:
            StoreUnwritable: `store` is full or refuses.
        """
        if self._is_down:
            return None
        try:
            return self._pull(store, asked)
        except _Refused as error:
            log.warning("%s: %s; building it here", self.uri, error)
        except failures() as error:
            self._leave_alone(error)
        return None

    def push(self, store: Store, card: Card) -> None:
        """Offer a variant of `store` to others, its files first.

        Raises:
            StoreCorrupt: a file of it is missing or has changed.
        """
        facts = set(card.stored().values())
        files = [
            (store.file(fact), self._file(fact), fact.size_bytes) for fact in facts
        ]
        if self._is_down:
            return
        try:
            for file, target, size_bytes in files:
                if self._size_bytes(target) != size_bytes:
                    self._put(file, target)
            self._put(store.card_file(card), self._build(card.build_key))
        except _unwritable() as error:
            self._leave_alone(error)

    def _pull(self, store: Store, asked: Asked) -> Card | None:
        card = self._card(asked)
        if card is None:
            return None
        with tempfile.TemporaryDirectory() as scratch:
            for fact in set(card.stored().values()):
                if not store.is_intact(fact):
                    store.add_file(self._fetch(fact, Path(scratch)))
        store.save_card(card)
        return card

    def _card(self, asked: Asked) -> Card | None:
        try:
            text = self._files.cat_file(self._build(asked.build_key))
        except FileNotFoundError:
            return None
        try:
            card = Card.model_validate_json(text)
        except ValidationError as error:
            raise _Refused(f"the card of {asked.model} cannot be read") from error
        if not asked.is_of(card):
            raise _Refused(f"the card of {asked.model} is of {card.model}")
        return card

    def _fetch(self, fact: FileFact, folder: Path) -> Path:
        fetched = folder / fact.sha256
        try:
            self._files.get_file(self._file(fact), str(fetched))
        except FileNotFoundError as error:
            raise _Refused(f"{fact.sha256} is missing") from error
        if digest(fetched) != fact.sha256:
            raise _Refused(f"{fact.sha256} has another content")
        return fetched

    def _put(self, file: Path, target: str) -> None:
        if "file" in self._files.protocol:  # only buckets take an object as a whole
            with write_whole(Path(target)) as scratch:
                shutil.copyfile(file, scratch)
        else:
            self._files.put_file(str(file), target)

    def _size_bytes(self, target: str) -> int | None:
        try:
            found: Any = self._files.info(target)
        except FileNotFoundError:
            return None
        return int(found["size"])

    def _leave_alone(self, error: BaseException) -> None:
        self._is_down = True
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        log.warning("%s: going on without it: %s", self.uri, reason)

    def _build(self, build_key: str) -> str:
        return f"{self._root}/builds/{build_key}.json"

    def _file(self, fact: FileFact) -> str:
        return f"{self._root}/files/{fact.sha256[:2]}/{fact.sha256}"


def open_remote(uri: str | None) -> Remote | None:
    """The remote store at `uri`, if there is one.

    Raises:
        SourceUnreachable: the library of its scheme is not installed.
    """
    return None if uri is None else Remote(uri)


def _unwritable() -> tuple[type[BaseException], ...]:
    return (StoreUnwritable, *failures())

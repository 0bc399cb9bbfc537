"""The content-addressed store of verified variants.

    store/
      files/<first two>/<sha256>             what cards name, read-only
      cards/<model>/<version>/<variant>.json
      ensembles/<pipeline>.json              and <pipeline>@<files>.json beside it
      prepared/<sha256>-<kind>/              copies that a runtime opens faster

A card names its files by their sha256. A write goes to a scratch file, is flushed to the
disk and renamed, so a reader, or a process that comes after a crash, never sees half a
file. Fetching and building live elsewhere, removing in `models.collect`.
"""

import fcntl
import hashlib
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from pydantic import ValidationError

from models.atomic import write_whole
from models.card import Card, EnsembleCard, FileFact
from models.errors import StoreCorrupt, VariantNotFound
from models.verified import Verified, digest

__all__ = ["Store", "digest"]

APART = "@"
"""In the name of what was fitted for other versions of members than those of now."""


class Store:
    """Reads and writes one store folder; several processes may, at once."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.verified = Verified()

    def add_file(self, file: Path) -> FileFact:
        """Copy `file` in under its digest; one that is there counts as new again.

        Raises:
            StoreUnwritable: the disk is full or refuses.
        """
        fact = FileFact(sha256=digest(file), size_bytes=file.stat().st_size)
        if not self._renewed(fact):
            with write_whole(self.path(fact.sha256), 0o444) as copied:
                shutil.copyfile(file, copied)
        return fact

    def path(self, sha256: str) -> Path:
        """Where content of this digest is or would be."""
        return self.root / "files" / sha256[:2] / sha256

    def file(self, fact: FileFact) -> Path:
        """The path of a stored file, whose content is read unless it was lately.

        Raises:
            StoreCorrupt: it is missing or no longer what it was.
        """
        path = self.path(fact.sha256)
        if not path.is_file():
            raise StoreCorrupt(fact.sha256, "is missing from the store")
        if not self.verified.holds(path, fact):
            raise StoreCorrupt(fact.sha256, "has changed in the store")
        return path

    def is_intact(self, fact: FileFact) -> bool:
        """Whether a stored file still has the content that its name promises."""
        path = self.path(fact.sha256)
        return path.is_file() and digest(path) == fact.sha256

    def save_card(self, card: Card) -> None:
        """Make the variant servable; its files must be stored before."""
        self._write(self.card_file(card), card)

    def card(self, model: str, version: int, variant: str) -> Card:
        """The card of one variant.

        Raises:
            VariantNotFound: it was never built.
            StoreCorrupt: its card cannot be read.
        """
        file = self._card(model, version, variant)
        if not file.is_file():
            raise VariantNotFound(f"{model} version {version} {variant}")
        try:
            return Card.model_validate_json(file.read_bytes())
        except ValidationError as error:
            raise StoreCorrupt(
                f"{model} {variant}", "has an unreadable card"
            ) from error

    def cards(self) -> list[Card]:
        """Every card, ordered by model, version and variant."""
        found = self.card_files()
        return [self.card(f.parts[-3], int(f.parts[-2]), f.stem) for f in found]

    def variants(self, model: str, version: int) -> list[Card]:
        """Every card of one version of one model."""
        found = sorted(self._card(model, version, "x").parent.glob("[!.]*.json"))
        return [self.card(model, version, file.stem) for file in found]

    def card_file(self, card: Card) -> Path:
        """Where `card` is or would be."""
        return self._card(card.model, card.version, card.variant)

    def card_files(self) -> list[Path]:
        """The file of every card, ordered, readable or not."""
        return sorted(self.root.glob("cards/*/*/[!.]*.json"))

    def stored_files(self) -> list[Path]:
        """Every file under a digest, ordered, whether a card names it or not."""
        return sorted(self.root.glob("files/*/[!.]*"))

    def prepared_files(self) -> list[Path]:
        """What runtimes keep in prepared/SHA256-KIND/ to open a stored file faster."""
        return sorted(f for f in self.root.glob("prepared/*/*") if f.is_file())

    def save_ensemble(self, card: EnsembleCard, beside: bool = False) -> None:
        """Keep what was fitted for a pipeline; `beside`: for other files than now."""
        apart = self._ensemble(card.pipeline, card.member_files)
        self._write(apart if beside else self._ensemble(card.pipeline), card)
        if not beside:  # what was fitted for these files before they were those of now
            apart.unlink(missing_ok=True)

    def ensemble(self, pipeline: str, files: Sequence[str] = ()) -> EnsembleCard:
        """What was fitted for a pipeline, for members of these `files` if there is such.

        Raises:
            VariantNotFound: nothing ever was.
            StoreCorrupt: the card cannot be read.
        """
        file = self._ensemble(pipeline, files)
        file = file if file.is_file() else self._ensemble(pipeline)
        if not file.is_file():
            raise VariantNotFound(f"ensemble of {pipeline}")
        try:
            return EnsembleCard.model_validate_json(file.read_bytes())
        except ValidationError as error:
            raise StoreCorrupt(
                f"ensemble of {pipeline}", "has an unreadable card"
            ) from error

    @contextmanager
    def among_writers(self) -> Iterator[None]:
        """Nothing is removed meanwhile; other writers go on."""
        with self._locked(fcntl.LOCK_SH):
            yield

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Nobody makes an old file count as new meanwhile."""
        with self._locked(fcntl.LOCK_EX):
            yield

    @contextmanager
    def _locked(self, kind: int) -> Iterator[None]:
        self.root.mkdir(parents=True, exist_ok=True)
        with (self.root / ".lock").open("ab") as file:
            fcntl.flock(file, kind)  # ends with the process, however it ends
            yield

    def _renewed(self, fact: FileFact) -> bool:
        """Whether the content is there; its age then starts anew, see `collect`."""
        with self.among_writers():
            intact = self.is_intact(fact)
            if intact:
                with suppress(PermissionError):  # whose file it is looks after it
                    self.path(fact.sha256).touch()
        return intact

    def _write(self, target: Path, card: Card | EnsembleCard) -> None:
        text = card.model_dump_json(indent=2) + "\n"
        with self.among_writers(), write_whole(target) as written:
            written.write_text(text, encoding="utf-8")

    def _card(self, model: str, version: int, variant: str) -> Path:
        return self.root / "cards" / model / str(version) / f"{variant}.json"

    def _ensemble(self, pipeline: str, files: Sequence[str] = ()) -> Path:
        mark = hashlib.sha256("\n".join(files).encode()).hexdigest()[:16]
        name = f"{pipeline}{APART}{mark}" if files else pipeline
        return self.root / "ensembles" / f"{name}.json"

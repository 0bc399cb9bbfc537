"""What models took of a replica's memory on this kind of machine, kept beside the cards.

    store/memory/<machine kind, hashed>/<digest of the file and its runtime>.json

A replica that starts knows from it what a load will take, and tells when one takes
something else. Measuring is the replica's own business.
"""

import hashlib
import logging
from datetime import datetime, timezone
from pathlib import Path

from pydantic import Field, ValidationError

from models.atomic import write_whole
from models.errors import StoreUnwritable
from models.facts import Fact

log = logging.getLogger(__name__)


class FootprintFact(Fact):
    """Bytes that the loads of a file took beside the file itself."""

    host_bytes: int = Field(ge=0)
    device_bytes: int = Field(0, ge=0)
    created: str = ""


class Footprints:
    """Reads each once and remembers it; any thread may."""

    def __init__(self, store: Path, here: str) -> None:
        """Of machines of the kind `here`, see `models.machine.kind`."""
        hashed = hashlib.sha256(here.encode()).hexdigest()[:16]
        self._folder = store / "memory" / hashed
        self._read: dict[str, FootprintFact | None] = {}

    def of(self, digest: str) -> FootprintFact | None:
        """What is known of a file; None: nothing, or nothing that can be read."""
        if digest not in self._read:
            self._read[digest] = self._load(digest)
        return self._read[digest]

    def keep(self, digest: str, host_bytes: int, device_bytes: int) -> None:
        """Let this be what is known; a disk that refuses costs only the knowledge."""
        created = datetime.now(tz=timezone.utc).isoformat(timespec="seconds")
        fact = FootprintFact(
            host_bytes=host_bytes, device_bytes=device_bytes, created=created
        )
        self._read[digest] = fact
        try:
            with write_whole(self._file(digest)) as written:
                written.write_text(fact.model_dump_json() + "\n", encoding="utf-8")
        except StoreUnwritable as error:
            log.warning("what %s takes is not kept: %s", digest, error)

    def _load(self, digest: str) -> FootprintFact | None:
        try:
            text = self._file(digest).read_bytes()
            return FootprintFact.model_validate_json(text)
        except (OSError, ValidationError):
            return None

    def _file(self, digest: str) -> Path:
        return self._folder / f"{digest}.json"

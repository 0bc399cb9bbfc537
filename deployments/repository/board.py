"""Where the desired state is kept: one key a revision, so that writers cannot cross.

A key-value store that can only add a key if it is not there is enough to compare and
set: revision n + 1 is written by whoever adds its key. Old revisions are removed, so a
writer that slept through many may still add one of them: it finds that there are newer
ones, and nobody has read its own, as everybody reads the newest.
"""

import hashlib
from typing import Protocol

from deployments.blueprint import Blueprint
from deployments.repository.desired import Desired, decode, encode

KEEP = 16
READ_ATTEMPTS = 8


class Keys(Protocol):
    """A key-value store; every call may block."""

    def names(self, prefix: str) -> list[str]:
        """The keys that begin with `prefix`, in any order."""
        ...

    def get(self, name: str) -> bytes | None:
        """What is kept under a key; None: nothing."""
        ...

    def add(self, name: str, content: bytes) -> bool:
        """Keep `content` if the key is not there; whether it was not."""
        ...

    def remove(self, name: str) -> None:
        """Forget a key; one that is not there is no error."""
        ...


class Board:
    """The desired state of one deploy."""

    def __init__(self, keys: Keys, mark: str) -> None:
        self._keys, self._prefix = keys, f"{mark}/"

    def revision(self) -> int:
        """The newest revision; 0: nothing was asked yet."""
        return max(self._revisions(), default=0)

    def read(self) -> Desired:
        """The newest state.

        Raises:
            TimeoutError: it is replaced faster than it can be read.
        """
        for _ in range(READ_ATTEMPTS):
            newest = self.revision()
            if newest == 0:
                return Desired()
            document = self._keys.get(self._name(newest))
            if document is not None:
                return decode(document)
        raise TimeoutError(f"{self._prefix} changes all the time")

    def write(self, desired: Desired) -> bool:
        """Keep the state that follows the one before; whether it is the newest now.

        False: somebody was faster. What is written then is part of what came after, or
        was never read; change the newest state and write again.
        """
        name = self._name(desired.revision)
        if not self._keys.add(name, encode(desired)):
            return False
        revisions = self._revisions()
        if max(revisions) != desired.revision:
            self._keys.remove(name)
            return False
        for old in revisions:
            if old <= desired.revision - KEEP:
                self._keys.remove(self._name(old))
        return True

    def _revisions(self) -> list[int]:
        names = self._keys.names(self._prefix)
        return [int(name.removeprefix(self._prefix)) for name in names]

    def _name(self, revision: int) -> str:
        return f"{self._prefix}{revision}"


def mark_of(blueprint: Blueprint) -> str:
    """A name for what was deployed; what was asked of another deploy does not hold."""
    told = [
        *(f"{k}={v}" for k, v in sorted(blueprint.plan.homes.items())),
        *(spec.model_dump_json() for spec in blueprint.pipelines.values()),
        *(f"{k}:{pool.model_dump_json()}" for k, pool in blueprint.pools.items()),
    ]
    for name, wish in sorted(blueprint.wishes.items()):
        keys = [one.key for one in wish.editions]
        told.append(f"{name}={keys}{sorted(wish.words.items())}")
    return hashlib.sha256("\n".join(told).encode()).hexdigest()[:16]

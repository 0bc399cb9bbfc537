"""What the front door needs from the rooms: names, contracts and answers."""

from collections.abc import Sequence
from typing import Protocol

from deployments.messages import Contract, Reply, Request


class Service(Protocol):
    """Everything this application serves, by name; protocols sit on top of it."""

    def contracts(self) -> Sequence[Contract]:
        """Every served name, pipelines first, in a stable order."""
        ...

    def contract(self, name: str, version: str = "") -> Contract:
        """The contract of `name`; an empty version is the newest.

        Raises:
            ModelNotFound: nothing of that name is served.
            VersionNotFound: the name is served, that version is not.
        """
        ...

    def versions(self, name: str) -> Sequence[str]:
        """The versions of `name` that are served, the newest last.

        Raises:
            ModelNotFound: nothing of that name is served.
            NoAvailableVersion: all of them were unloaded on purpose.
        """
        ...

    async def ready(self, name: str = "", version: str = "") -> bool:
        """Whether `name` (or, when empty, everything) can answer now.

        Raises:
            ModelNotFound: nothing of that name is served.
            VersionNotFound: the name is served, that version is not.
        """
        ...

    async def infer(self, request: Request, version: str = "") -> Reply:
        """Check `request` against its contract and answer it, all outputs filled.

        Raises:
            ServingError: one of the leaves of `deployments.errors`.
        """
        ...

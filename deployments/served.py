"""The names this application answers to: contracts in front of nodes."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from deployments.contract import check
from deployments.editions import DEFAULT
from deployments.errors import ModelNotFound, NoAvailableVersion, VersionNotFound
from deployments.messages import Contract, Reply, Request
from deployments.nodes import Node


class Readiness(Protocol):
    """Says whether the nodes behind a name can answer."""

    async def __call__(self) -> bool:
        """True when they can."""
        ...


@dataclass(frozen=True, slots=True)
class Offer:
    """One version of one served name."""

    contract: Contract
    node: Node
    ready: Readiness


Offers = Mapping[str, Mapping[str, Offer]]
"""Name → word for a version → what is offered; the empty word is the default."""


class Served:
    """Implements `deployments.service.Service`."""

    def __init__(
        self, offers: Sequence[Offer] = (), whole: Readiness | None = None
    ) -> None:
        """Serve one version of each name; `switch` serves others.

        `whole` says whether everything can answer; None: ask every name.
        """
        self._whole = whole
        self._gone: frozenset[str] = frozenset()
        self._table: Mapping[tuple[str, str], Offer] = {}
        self.switch(
            {
                offer.contract.name: {DEFAULT: offer, offer.contract.version: offer}
                for offer in offers
            }
        )

    def switch(self, offers: Offers, gone: Collection[str] = ()) -> None:
        """Serve this from the next request on; `gone` are names that were taken away."""
        table = {
            (name, word): offer
            for name, words in offers.items()
            for word, offer in words.items()
        }
        self._table, self._gone = table, frozenset(gone)

    def contracts(self) -> Sequence[Contract]:
        """See `Service.contracts`."""
        defaults = self._defaults()
        return [offer.contract for offer in defaults]

    def contract(self, name: str, version: str = "") -> Contract:
        """See `Service.contract`."""
        return self._find(name, version).contract

    def versions(self, name: str) -> Sequence[str]:
        """The numbers of the served versions of a name, ascending."""
        numbers = (int(word) for n, word in self._table if n == name and word.isdigit())
        return [str(number) for number in sorted(numbers)]

    async def ready(self, name: str = "", version: str = "") -> bool:
        """See `Service.ready`."""
        if name:
            return await self._find(name, version).ready()
        if self._whole is not None:
            return await self._whole()
        for offer in self._defaults():
            if not await offer.ready():
                return False
        return True

    async def infer(self, request: Request, version: str = "") -> Reply:
        """See `Service.infer`."""
        offer = self._find(request.model, version)
        check(offer.contract, request)
        return await offer.node.infer(request)

    def _defaults(self) -> list[Offer]:
        return [offer for (_, word), offer in self._table.items() if word == DEFAULT]

    def _find(self, name: str, version: str) -> Offer:
        offer = self._table.get((name, version))
        if offer is not None:
            return offer
        if name in self._gone:
            raise NoAvailableVersion(name)
        if (name, DEFAULT) not in self._table:
            raise ModelNotFound(name)
        raise VersionNotFound(name, version)

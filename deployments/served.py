"""The names this application answers to: contracts in front of nodes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from deployments.contract import check
from deployments.errors import ModelNotFound, VersionNotFound
from deployments.messages import Contract, Reply, Request
from deployments.nodes import Node


class Readiness(Protocol):
    """Says whether the nodes behind a name can answer."""

    async def __call__(self) -> bool:
        """True when they can."""
        ...


@dataclass(frozen=True, slots=True)
class Offer:
    """One served name."""

    contract: Contract
    node: Node
    ready: Readiness


class Served:
    """Implements `deployments.service.Service`."""

    def __init__(self, offers: Sequence[Offer]) -> None:
        self._offers: Mapping[str, Offer] = {o.contract.name: o for o in offers}

    def contracts(self) -> Sequence[Contract]:
        """See `Service.contracts`."""
        return [offer.contract for offer in self._offers.values()]

    def contract(self, name: str, version: str = "") -> Contract:
        """See `Service.contract`."""
        return self._find(name, version).contract

    async def ready(self, name: str = "", version: str = "") -> bool:
        """See `Service.ready`."""
        if name:
            return await self._find(name, version).ready()
        for offer in self._offers.values():
            if not await offer.ready():
                return False
        return True

    async def infer(self, request: Request, version: str = "") -> Reply:
        """See `Service.infer`."""
        offer = self._find(request.model, version)
        check(offer.contract, request)
        return await offer.node.infer(request)

    def _find(self, name: str, version: str) -> Offer:
        if name not in self._offers:
            raise ModelNotFound(name)
        offer = self._offers[name]
        if version not in ("", offer.contract.version):
            raise VersionNotFound(name, version)
        return offer

"""Control without Ray: a key-value store, a fleet in this process, a host of editions."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from configs.catalogue import load_catalogue
from configs.model import ModelSpec
from configs.pool import PoolSpec
from deployments.blueprint import Blueprint, draw
from deployments.control import State
from deployments.errors import LoadFailed, NoAvailableVersion
from deployments.layout import INGRESS
from deployments.messages import Reply, Request
from deployments.nodes import Node
from deployments.pools import into_pools
from deployments.repository.board import Board
from deployments.residency.seat import Standing
from models.card import Card
from models.store import Store


class MemoryKeys:
    """Keeps keys in a dict; `before_add` runs between reading and writing."""

    def __init__(self) -> None:
        self.kept: dict[str, bytes] = {}
        self.before_add: Callable[[], None] = lambda: None

    def names(self, prefix: str) -> list[str]:
        return [name for name in self.kept if name.startswith(prefix)]

    def get(self, name: str) -> bytes | None:
        return self.kept.get(name)

    def add(self, name: str, content: bytes) -> bool:
        intruder, self.before_add = self.before_add, lambda: None
        intruder()
        if name in self.kept:
            return False
        self.kept[name] = content
        return True

    def remove(self, name: str) -> None:
        self.kept.pop(name, None)


class KeyNode:
    """Answers nothing but remembers; refuses once its edition has left."""

    def __init__(self, seats: "FakeSeats", key: str) -> None:
        self._seats, self._key = seats, key

    async def infer(self, request: Request) -> Reply:
        await asyncio.sleep(0)
        await self._seats.gate.wait()
        if self._key not in self._seats.here:
            raise NoAvailableVersion(self._key)
        self._seats.asked.append(self._key)
        return Reply(request.inputs)


class FakeSeats:
    """Implements `hosting.Seats`; requests wait at `gate` for their edition.

    Loads wait at `door`, and `knocked` is set by one that does. `steps` tells what was
    done, in order.
    """

    def __init__(self) -> None:
        self.here: dict[str, State] = {}
        self.steps: list[str] = []
        self.asked: list[str] = []
        self.broken: set[str] = set()
        self.gate = asyncio.Event()
        self.gate.set()
        self.door, self.knocked = asyncio.Event(), asyncio.Event()
        self.door.set()

    def host(self, key: str, spec: ModelSpec, card: Card) -> Node:
        if key in self.here:
            raise ValueError(f"{key} is offered already")
        self.here[key] = "UNAVAILABLE"
        self.steps.append(f"host {key}")
        return KeyNode(self, key)

    async def dismiss(self, key: str) -> None:
        await asyncio.sleep(0)
        del self.here[key]
        self.steps.append(f"dismiss {key}")

    async def load(self, key: str) -> None:
        await asyncio.sleep(0)
        self.knocked.set()
        await self.door.wait()
        if key in self.broken:
            raise LoadFailed(key, "it is broken", 1.0)
        self.here[key] = "READY"
        self.steps.append(f"load {key}")

    def states(self) -> Sequence[Standing]:
        return [
            Standing(key, state, "", 10 if state == "READY" else 0, 0, True)
            for key, state in self.here.items()
        ]


@dataclass
class LocalFleet:
    """Implements `repository.Fleet` on replicas of this process, by deployment."""

    replicas: dict[str, list[Any]]
    told: list[tuple[str, str]]

    async def tell(self, deployment: str, method: str, *args: object) -> list[Any]:
        self.told.append((deployment, method))
        found = self.replicas.get(deployment, [])
        return list(
            await asyncio.gather(*(getattr(one, method)(*args) for one in found))
        )


def a_blueprint(
    root: Path, store: Store, pools: dict[str, PoolSpec] | None = None
) -> Blueprint:
    """The whole catalogue at `root`, with pools."""
    catalogue = load_catalogue(root)
    drawn = draw(catalogue, store)
    return into_pools(drawn, catalogue, store, pools or {})


def on_ingress(blueprint: Blueprint) -> Blueprint:
    """The same without other deployments."""
    homes = dict.fromkeys(blueprint.plan.homes, INGRESS)
    return replace(blueprint, plan=replace(blueprint.plan, homes=homes))


def a_board() -> Board:
    """Where nothing was asked yet."""
    return Board(MemoryKeys(), "test")

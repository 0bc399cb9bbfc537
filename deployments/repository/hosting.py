"""The model versions that one replica hosts, and the words that lead to them."""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Protocol

from configs.model import ModelSpec
from deployments.editions import Edition, Wish
from deployments.errors import (
    LoadFailed,
    ModelNotFound,
    NoAvailableVersion,
    ServingError,
    VersionNotFound,
)
from deployments.layout import model_of, version_name
from deployments.messages import Reply, Request
from deployments.nodes import Node
from deployments.repository.plan import Action, Drop, Held, Host, Load, Point, plan
from deployments.repository.reports import SeatReport
from deployments.residency.seat import Standing
from deployments.residency.standing import UNLOADED
from models.card import Card
from models.errors import ModelError

log = logging.getLogger(__name__)


class Seats(Protocol):
    """Where editions live: a graph with its residency."""

    def host(self, key: str, spec: ModelSpec, card: Card) -> Node:
        """Let an edition live here; a node that loads it on demand."""
        ...

    async def dismiss(self, key: str) -> None:
        """Answer what it still works on, then forget it."""
        ...

    async def load(self, key: str) -> None:
        """Make an edition resident."""
        ...

    def states(self) -> Sequence[Standing]:
        """Every edition that lives here."""
        ...


class Hosting:
    """Follows wishes; used from one event loop, so a change is seen whole."""

    def __init__(self, seats: Seats) -> None:
        self._seats = seats
        self._held: dict[str, Held] = {}
        self._nodes: dict[str, Node] = {}
        self._led: dict[str, Node] = {}
        self._turns: dict[str, asyncio.Lock] = {}
        self.failures: dict[str, str] = {}

    def node(self, name: str) -> Node:
        """The node of a model's version, by its node name.

        Raises:
            NoAvailableVersion: the model was unloaded.
            VersionNotFound: it has no such version here.
            ModelNotFound: it does not live here.
        """
        found = self._led.get(name)
        if found is not None:
            return found
        model, word = _parts(name)
        held = self._held.get(model)
        if held is None:
            raise ModelNotFound(model)
        if not held.words:
            raise NoAvailableVersion(model)
        raise VersionNotFound(model, word)

    async def infer(self, name: str, request: Request) -> Reply:
        """Answer as the model version does that `name` leads to.

        Raises:
            ServingError: as `node`, or of the model.
        """
        node = self.node(name)
        try:
            return await node.infer(request)
        except NoAvailableVersion:
            # It waited for an edition that was replaced meanwhile.
            another = self.node(name)
            if another is node:
                raise
        return await another.infer(request)

    def begin(self, wish: Wish) -> None:
        """Host a model before the replica takes requests; nothing is loaded."""
        held = self._hold(wish.name)
        lazy = wish if wish.presence == "unloaded" else replace(wish, presence="lazy")
        for action in plan(lazy, held):
            if isinstance(action, Host):
                self._host(wish.name, action.edition)
            elif isinstance(action, Point):
                self._point(wish.name, action.words)
        self._met(wish)

    async def follow(self, wish: Wish) -> None:
        """Serve a model as wished, or as before and say why in `failures`."""
        async with self._turn(wish.name):
            try:
                for action in plan(wish, self._now(wish.name)):
                    await self._do(wish.name, action)
            except (ServingError, ModelError) as error:
                log.warning("%s is served as before: %s", wish.name, error)
                self.failures[wish.name] = why(error)
                return
            self.failures.pop(wish.name, None)
            self._met(wish)

    async def prepare(self, name: str, editions: Sequence[Edition]) -> None:
        """Host and load editions that no request is pointed at yet.

        Raises:
            LoadFailed, Overloaded: one cannot be loaded; see `abandon`.
            StoreCorrupt: the store does not have what it promised.
        """
        async with self._turn(name):
            for one in editions:
                if one.key not in self._hold(name).hosted:
                    self._host(name, one)
                await self._seats.load(one.key)

    async def abandon(self, name: str) -> None:
        """Forget what was prepared and is not wished."""
        async with self._turn(name):
            held = self._hold(name)
            for key in sorted(held.hosted - {*held.words.values()}):
                await self._do(name, Drop(key))

    def key(self, name: str) -> str:
        """The key of the edition that a node name leads to.

        Raises:
            NoAvailableVersion, VersionNotFound, ModelNotFound: see `node`.
        """
        self.node(name)
        model, word = _parts(name)
        return self._held[model].words[word]

    def asked(self) -> list[str]:
        """The keys of what somebody asked to be loaded."""
        return [
            key
            for held in self._held.values()
            if held.done is not None and held.done.presence == "loaded"
            for key in sorted({*held.words.values()})
        ]

    def keys(self) -> dict[str, tuple[str, str]]:
        """Name and version of everything hosted, by key."""
        return {
            key: (name, _version(key))
            for name, held in self._held.items()
            for key in held.hosted
        }

    def led(self) -> Mapping[str, str]:
        """The key behind every node name that requests may be sent to."""
        return {
            version_name(name, word): key
            for name, held in self._held.items()
            for word, key in held.words.items()
        }

    def reports(self) -> tuple[SeatReport, ...]:
        """Every model version here, also those that were taken away."""
        told = {one.key: one for one in self._seats.states()}
        found = [
            _report(*seat, told[key])
            for key, seat in self.keys().items()
            if key in told
        ]
        return (*found, *self._gone())

    def _gone(self) -> list[SeatReport]:
        return [
            SeatReport(name, str(one.version), "UNAVAILABLE", UNLOADED)
            for name, held in self._held.items()
            if held.done is not None and held.done.presence == "unloaded"
            for one in held.done.editions
        ]

    async def _do(self, name: str, action: Action) -> None:
        if isinstance(action, Host):
            self._host(name, action.edition)
        elif isinstance(action, Load):
            await self._seats.load(action.key)
        elif isinstance(action, Point):
            self._point(name, action.words)
        else:
            held = self._held[name]
            self._held[name] = replace(held, hosted=held.hosted - {action.key})
            self._nodes.pop(action.key, None)
            await self._seats.dismiss(action.key)

    def _host(self, name: str, edition: Edition) -> None:
        node = self._seats.host(edition.key, edition.spec, edition.card)
        self._nodes[edition.key] = node
        held = self._hold(name)
        self._held[name] = replace(held, hosted=held.hosted | {edition.key})

    def _point(self, name: str, words: Mapping[str, str]) -> None:
        held = self._held[name]
        others = {version_name(name, word) for word in held.words}
        led = {node: to for node, to in self._led.items() if node not in others}
        for word, key in words.items():
            led[version_name(name, word)] = self._nodes[key]
        self._held[name], self._led = replace(held, words=dict(words)), led

    def _met(self, wish: Wish) -> None:
        self._held[wish.name] = replace(self._held[wish.name], done=wish)

    def _now(self, name: str) -> Held:
        warm = {one.key for one in self._seats.states() if one.state == "READY"}
        held = self._hold(name)
        return replace(held, warm=held.hosted & warm)

    def _hold(self, name: str) -> Held:
        return self._held.setdefault(name, Held())

    def _turn(self, name: str) -> asyncio.Lock:
        return self._turns.setdefault(name, asyncio.Lock())


def why(error: ServingError | ModelError) -> str:
    """The reason without the sentence around it, which whoever tells it says again."""
    return error.reason if isinstance(error, LoadFailed) else str(error)


class Switch:
    """A node that leads to whatever a model's node name stands for at the moment."""

    def __init__(self, hosting: Hosting, name: str) -> None:
        self._hosting, self._name = hosting, name

    async def infer(self, request: Request) -> Reply:
        """See `Node.infer`."""
        return await self._hosting.infer(self._name, request)


def _parts(node: str) -> tuple[str, str]:
    """The model of a node name, and the word for its version."""
    model = model_of(node) or node
    return model, node.removeprefix(version_name(model, "")).removeprefix(":")


def _version(key: str) -> str:
    return key.partition("#")[0].rpartition(":")[2]


def _report(name: str, version: str, told: Standing) -> SeatReport:
    return SeatReport(
        name,
        version,
        told.state,
        told.reason,
        told.resident_bytes + told.device_bytes,
        told.answers,
        told.runtime,
    )

"""The `Control` of an application: every replica of it, through board and fleet."""

import asyncio
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Protocol

from deployments.batching.stats import BatchStats
from deployments.blueprint import Blueprint
from deployments.control import Indexed, ModelStatistics
from deployments.editions import Edition, Wish
from deployments.errors import InvalidInput, LoadFailed, NotReady, VersionNotFound
from deployments.layout import INGRESS, model_name
from deployments.repository.board import Board
from deployments.repository.desired import Desired
from deployments.repository.index import index_models, index_pipelines
from deployments.repository.redraw import COME_BACK_S, Redraw
from deployments.repository.reports import Report
from deployments.statistics import merge, of_batcher, pick

COMMIT_ATTEMPTS = 16
MOST_PAUSE_S = 0.05

Change = Callable[[Desired], Desired]


class Fleet(Protocol):
    """Every replica that runs, by deployment."""

    async def tell(self, deployment: str, method: str, *args: object) -> list[Any]:
        """What each of them answers; those that die meanwhile are left out."""
        ...


class Repository:
    """Implements `deployments.control.Control`."""

    def __init__(self, blueprint: Blueprint, board: Board, fleet: Fleet) -> None:
        self._blueprint, self._board, self._fleet = blueprint, board, fleet
        self._redraw = Redraw(blueprint)
        self._turns: dict[str, asyncio.Lock] = {}

    async def index(self, ready_only: bool = False) -> Sequence[Indexed]:
        """See `Control.index`."""
        desired = await asyncio.to_thread(self._board.read)
        wishes = desired.over(self._blueprint.wishes)
        models = index_models(wishes, await self._everybody("report"))
        pipelines = index_pipelines(
            self._blueprint.pipelines, desired.withdrawn, models, wishes
        )
        found = [*pipelines, *models]
        return [one for one in found if not ready_only or one.state == "READY"]

    async def load(
        self, name: str, override: Mapping[str, object] | None = None
    ) -> None:
        """See `Control.load`; goes on to its end when the caller leaves."""
        await asyncio.shield(asyncio.ensure_future(self._load(name, override)))

    async def unload(self, name: str, dependents: bool = False) -> None:
        """See `Control.unload`; goes on to its end when the caller leaves."""
        await asyncio.shield(asyncio.ensure_future(self._unload(name, dependents)))

    async def log(self, level: int) -> None:
        """See `Control.log`; goes on to its end when the caller leaves."""
        await asyncio.shield(asyncio.ensure_future(self._log(level)))

    async def statistics(
        self, name: str = "", version: str = ""
    ) -> Sequence[ModelStatistics]:
        """See `Control.statistics`."""
        desired = await asyncio.to_thread(self._board.read)
        wishes = desired.over(self._blueprint.wishes)
        told = await self._everybody("tell_statistics")
        known = [
            *((name, pipeline.version) for name, pipeline in self._pipelines()),
            *((w.name, one.version) for w in wishes.values() for one in w.editions),
        ]
        nothing = [of_batcher(n, str(v), BatchStats()) for n, v in known]
        if name in wishes and version and not version.isdigit():
            number = wishes[name].words.get(version)
            if number is None:
                raise VersionNotFound(name, version)
            version = str(number)
        return pick(merge([nothing, *told]), name, version)

    async def _log(self, level: int) -> None:
        await self._change("log settings", lambda desired: desired.logging(level))
        await self._everybody("follow_log")

    async def _load(self, name: str, override: Mapping[str, object] | None) -> None:
        async with self._turn(name):
            if name in self._blueprint.pipelines:
                await self._load_pipeline(name, override)
            else:
                await self._load_model(name, override)

    async def _load_pipeline(
        self, name: str, override: Mapping[str, object] | None
    ) -> None:
        if override:
            reason = f"config of '{name}': a pipeline takes none, its models do"
            raise InvalidInput(name, reason)
        await asyncio.to_thread(self._redraw.pipeline, name)
        members = self._blueprint.pipelines[name].ensemble.members
        for model in dict.fromkeys(member.model for member in members):
            async with self._turn(model):
                await self._load_model(model, None)
        await self._commit(name, lambda desired: desired.with_pipeline(name))

    async def _load_model(
        self, name: str, override: Mapping[str, object] | None
    ) -> None:
        wish = await asyncio.to_thread(self._redraw.model, name, override)
        await self._prepare(wish)
        await asyncio.to_thread(self._redraw.keep, wish)

        def load(desired: Desired) -> Desired:
            before = desired.over(self._blueprint.wishes).get(name, wish)
            return desired.wishing(
                replace(wish, presence="loaded", serial=before.serial + 1)
            )

        reports = await self._commit(name, load)
        for report in reports:
            if name in report.failures:
                raise LoadFailed(name, report.failures[name], COME_BACK_S)

    async def _prepare(self, wish: Wish) -> None:
        """Every replica of its home has loaded all of it, or nothing has changed."""
        home = self._home(wish.name)
        editions: tuple[Edition, ...] = wish.editions
        told = await self._fleet.tell(home, "prepare", wish.name, editions)
        reasons = [reason for reason in told if reason]
        if reasons:
            await self._fleet.tell(home, "abandon", wish.name)
            raise LoadFailed(wish.name, reasons[0], COME_BACK_S)

    async def _unload(self, name: str, dependents: bool) -> None:
        async with self._turn(name):
            pipeline = self._blueprint.pipelines.get(name)
            gone = [] if pipeline else [name]
            if pipeline is not None and dependents:
                gone = [member.model for member in pipeline.ensemble.members]

            def unload(desired: Desired) -> Desired:
                wishes = desired.over(self._blueprint.wishes)
                changed = [
                    replace(wish, presence="unloaded", serial=wish.serial + 1)
                    for wish in map(wishes.get, dict.fromkeys(gone))
                    if wish is not None
                ]
                kept = desired.without_pipeline(name) if pipeline else desired
                return kept.wishing(*changed)

            await self._commit(name, unload)

    async def _commit(self, name: str, change: Change) -> list[Report]:
        """Change what is desired and have everybody meet it; their reports."""
        return await self._everybody("follow", await self._change(name, change))

    async def _change(self, name: str, change: Change) -> int:
        """Change what is desired; the revision that says so."""
        for _ in range(COMMIT_ATTEMPTS):
            before = await asyncio.to_thread(self._board.read)
            desired = change(before).next(before)
            if await asyncio.to_thread(self._board.write, desired):
                return desired.revision
            # Somebody else was faster; whoever lost waits a little, and not alike.
            await asyncio.sleep(random.uniform(0, MOST_PAUSE_S))  # noqa: S311
        raise NotReady(name, COME_BACK_S)

    async def _everybody(self, method: str, *args: object) -> list[Any]:
        deployments = [INGRESS, *self._blueprint.plan.deployments()]
        told = await asyncio.gather(
            *(self._fleet.tell(one, method, *args) for one in deployments)
        )
        return [answer for answers in told for answer in answers]

    def _home(self, name: str) -> str:
        home = self._blueprint.plan.home(model_name(name))
        if home is None:  # `Redraw.model` has refused it
            raise LoadFailed(name, "no deployment takes it", COME_BACK_S)
        return home

    def _pipelines(self) -> list[tuple[str, Any]]:
        return list(self._blueprint.pipelines.items())

    def _turn(self, name: str) -> asyncio.Lock:
        return self._turns.setdefault(name, asyncio.Lock())

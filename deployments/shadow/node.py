"""A node with shadows: it answers as if they were not there, and they are asked afterwards."""

import asyncio
import logging
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from deployments.control import Counts
from deployments.messages import Reply, Request, Tensor
from deployments.nodes import Node
from deployments.shadow.drift import Drift, ShadowStats, Window, compared
from deployments.shadow.runner import Runner

GIVEN = "probability"
"""What an ensemble answers."""

ROUNDING = 1e-9
"""Ten tenths are one."""

log = logging.getLogger(__name__)


class Shown(Protocol):
    """Shows what became of a request to somebody who watches."""

    def show(self, pipeline: str, member: str, outcome: str, drift: Drift) -> None:
        """`outcome`: compared, dropped or failed."""
        ...


class Unseen:
    """Nobody watches."""

    def show(self, pipeline: str, member: str, outcome: str, drift: Drift) -> None:
        """See `Shown.show`."""


@dataclass(frozen=True, slots=True)
class Shadowing:
    """How much is asked of a shadow, see `configs.shadow.ShadowSpec`."""

    pipeline: str
    member: str
    fraction: float
    max_waiting_rows: int
    window_rows: int


@dataclass(frozen=True, slots=True)
class Sample:
    """A request that was answered: what a member gets of it, and what was given."""

    inputs: Mapping[str, Tensor]
    given: Tensor


class Shadow:
    """One variant, the samples that wait for it, and what came of the others."""

    def __init__(
        self,
        spec: Shadowing,
        runner: Runner,
        feed: Mapping[str, str],
        shown: Shown | None = None,
    ) -> None:
        """Ask nothing yet.

        Args:
            spec: how much.
            runner: the variant.
            feed: its inputs → the names that preprocessing gives.
            shown: who watches.
        """
        self.spec, self.stats = spec, ShadowStats()
        self._runner, self._feed, self._shown = runner, feed, shown or Unseen()
        self._window = Window(spec.window_rows)
        self._waiting: deque[Sample] = deque()
        self._waiting_rows = 0
        self._offered = 0
        self._task: asyncio.Task[None] | None = None

    @property
    def drift(self) -> Drift:
        """Of the last rows."""
        return self._window.drift()

    def offer(self, request: Request, reply: Reply) -> None:
        """Take this request, or let it go; never waits, never raises."""
        self._offered += 1
        if _part(self._offered, self.spec) == _part(self._offered - 1, self.spec):
            return
        given = reply.outputs[GIVEN]
        names = self._feed.values()
        is_full = self._waiting_rows + len(given) > self.spec.max_waiting_rows
        # What was not made for the answer is not made for nobody.
        if is_full or any(name not in request.inputs for name in names):
            self.stats.dropped += len(given)
            self._tell("dropped")
            return
        inputs = {name: request.inputs[source] for name, source in self._feed.items()}
        self._waiting.append(Sample(inputs, given))
        self._waiting_rows += len(given)
        if self._task is None or self._task.done():
            self._task = asyncio.get_running_loop().create_task(self._work())

    async def rest(self) -> None:
        """Return when nothing waits any more."""
        while self._task is not None and not self._task.done():
            await asyncio.wait([self._task])

    async def close(self) -> None:
        """Forget what waits."""
        self._waiting.clear()
        if self._task is not None:
            self._task.cancel()
        self._runner.close()

    async def _work(self) -> None:
        while self._waiting:
            sample = self._waiting.popleft()
            await self._compare(sample)
            self._waiting_rows -= len(sample.given)

    async def _compare(self, sample: Sample) -> None:
        try:
            found = await self._runner.probabilities(sample.inputs)
            rows = compared(sample.given, found)
        except Exception as error:  # noqa: BLE001 - a shadow harms nobody, whatever it does
            if not self.stats.failed:
                log.warning("shadow %s cannot answer: %s", self.spec.member, error)
            self.stats.failed += len(sample.given)
            self._tell("failed")
            return
        self.stats.count(rows)
        self._window.add(rows)
        self._tell("compared")

    def _tell(self, outcome: str) -> None:
        spec = self.spec
        self._shown.show(spec.pipeline, spec.member, outcome, self.drift)


def _part(offered: int, spec: Shadowing) -> int:
    """How many of so many requests a shadow is asked about; evenly, without a draw."""
    return int(offered * spec.fraction + ROUNDING)


class Shadowed:
    """A node whose answers are compared with those of shadows."""

    def __init__(self, node: Node, shadows: Sequence[Shadow]) -> None:
        self.node, self.shadows = node, tuple(shadows)

    async def infer(self, request: Request) -> Reply:
        """See `Node.infer`; what it raises is of the node, never of a shadow."""
        reply = await self.node.infer(request)
        for shadow in self.shadows:
            shadow.offer(request, reply)
        return reply

    def told(self) -> Counts:
        """What shadows have counted, by member."""
        return {one.spec.member: one.stats.told() for one in self.shadows}

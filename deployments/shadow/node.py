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
from deployments.shadow.pinned import pinned_bytes
from deployments.shadow.runner import Runner

GIVEN = "probability"
"""What an ensemble answers."""

ROUNDING = 1e-9
"""Ten tenths are one."""

MOST_BYTES = 64 * 2**20
"""What waits for one shadow holds no more: a view of few rows may hold a whole body."""

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
    size_bytes: int


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
        self._waiting_rows = self._waiting_bytes = 0
        self._offered, self._is_unseen = 0, False
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
        sample = self._sample(request, reply)
        if sample is None or not self._has_room(sample):
            self.stats.dropped += len(reply.outputs[GIVEN])
            self._tell("dropped")
            return
        self._waiting.append(sample)
        self._count(sample, 1)
        if self._task is None or self._task.done():
            self._task = asyncio.get_running_loop().create_task(self._work())

    async def rest(self) -> None:
        """Return when nothing waits any more."""
        while self._task is not None and not self._task.done():
            await asyncio.wait([self._task])

    async def close(self) -> None:
        """Forget what waits."""
        while self._waiting:
            self._count(self._waiting.popleft(), -1)
        if self._task is not None:
            self._task.cancel()
        self._runner.close()

    def _sample(self, request: Request, reply: Reply) -> Sample | None:
        """What was not made for the answer is not made for nobody."""
        if any(name not in request.inputs for name in self._feed.values()):
            return None
        inputs = {name: request.inputs[source] for name, source in self._feed.items()}
        given = reply.outputs[GIVEN]
        return Sample(inputs, given, pinned_bytes([*inputs.values(), given]))

    def _has_room(self, sample: Sample) -> bool:
        rows = self._waiting_rows + len(sample.given)
        size_bytes = self._waiting_bytes + sample.size_bytes
        return rows <= self.spec.max_waiting_rows and size_bytes <= MOST_BYTES

    def _count(self, sample: Sample, sign: int) -> None:
        self._waiting_rows += sign * len(sample.given)
        self._waiting_bytes += sign * sample.size_bytes

    async def _work(self) -> None:
        while self._waiting:
            sample = self._waiting.popleft()
            try:
                await self._compare(sample)
            finally:
                self._count(sample, -1)

    async def _compare(self, sample: Sample) -> None:
        try:
            found = await self._runner.probabilities(sample.inputs)
            rows = compared(sample.given, found)
            self._window.add(rows)
        except Exception as error:  # noqa: BLE001 - a shadow harms nobody, whatever it does
            if not self.stats.failed:
                log.warning("shadow %s cannot answer: %s", self.spec.member, error)
            self.stats.failed += len(sample.given)
            self._tell("failed")
            return
        self.stats.count(rows)
        self._tell("compared")

    def _tell(self, outcome: str) -> None:
        spec = self.spec
        try:
            self._shown.show(spec.pipeline, spec.member, outcome, self.drift)
        except Exception as error:  # noqa: BLE001 - nor does who watches it
            if not self._is_unseen:
                log.warning("shadow %s cannot be shown: %s", spec.member, error)
            self._is_unseen = True


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

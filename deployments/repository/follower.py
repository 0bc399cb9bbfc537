"""One replica's part in control: what it hosts follows what is desired."""

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence

from deployments.blueprint import Blueprint
from deployments.editions import Edition, Wish
from deployments.errors import ServingError
from deployments.layout import model_name
from deployments.logs import write_from
from deployments.repository.board import Board
from deployments.repository.desired import Desired
from deployments.repository.hosting import Hosting, why
from deployments.repository.reports import Place, Report
from models.errors import ModelError

EVERY_S = 1.0
"""How often a replica that missed a broadcast looks for itself."""

TRY_AGAIN = 30
"""After so many looks what could not be done is tried again."""

log = logging.getLogger(__name__)

Changed = Callable[[Mapping[str, Wish], Desired], None]


class Follower:
    """Follows the board for the models that one deployment hosts."""

    def __init__(
        self,
        blueprint: Blueprint,
        place: Place,
        hosting: Hosting,
        board: Board,
    ) -> None:
        self._blueprint, self._place = blueprint, place
        self._hosting, self._board = hosting, board
        self._turn = asyncio.Lock()
        self._changed: Changed | None = None
        self._desired = Desired()
        self._log_revision = 0
        self._looks = 0
        self._watch: asyncio.Task[None] | None = None

    def begin(self, changed: Changed | None = None) -> None:
        """Host what is desired before the replica takes requests; loads nothing.

        `changed` is told every wish, now and whenever one changes. Blocks.
        """
        self._changed = changed
        self._desired = self._board.read()
        self._write(self._desired)
        for wish in self._own(self._desired):
            self._hosting.begin(wish)
        self._tell()

    def watch(self, every_s: float = EVERY_S) -> None:
        """Look for what was missed from now on; needs a running event loop."""
        self._watch = asyncio.get_running_loop().create_task(self._look_on(every_s))

    async def close(self) -> None:
        """Look no more."""
        if self._watch is not None:
            self._watch.cancel()

    async def follow(self, revision: int = 0) -> Report:
        """Meet the newest state, at least `revision`; what fails is in the report."""
        if self._desired.revision < revision:
            await self.follow_log()
        async with self._turn:
            if self._desired.revision < revision:
                await self._meet(await asyncio.to_thread(self._board.read))
        return self.report()

    async def follow_log(self) -> None:
        """Write the records that the newest state says; waits for no model."""
        self._write(await asyncio.to_thread(self._board.read))

    async def look(self) -> None:
        """Meet the newest state if it is another one; now and then try what failed."""
        await self.follow(await asyncio.to_thread(self._board.revision))
        self._looks += 1
        if self._hosting.failures and self._looks % TRY_AGAIN == 0:
            async with self._turn:
                await self._host(self._desired)
                self._tell()

    async def prepare(self, name: str, editions: Sequence[Edition]) -> str:
        """Load editions that no request is pointed at yet.

        Returns:
            Why they cannot be served here; empty: they can.
        """
        try:
            await self._hosting.prepare(name, editions)
        except (ServingError, ModelError) as error:
            await self._hosting.abandon(name)
            return why(error)
        return ""

    async def abandon(self, name: str) -> None:
        """Forget what was prepared in vain."""
        await self._hosting.abandon(name)

    def report(self) -> Report:
        """What lives here now."""
        return Report(
            self._place,
            self._desired.revision,
            self._hosting.reports(),
            dict(self._hosting.failures),
        )

    async def _meet(self, desired: Desired) -> None:
        if desired.wishes != self._desired.wishes:  # else what failed has its own time
            await self._host(desired)
        self._desired = desired
        self._tell()

    async def _host(self, desired: Desired) -> None:
        await asyncio.gather(*(self._hosting.follow(w) for w in self._own(desired)))

    def _own(self, desired: Desired) -> list[Wish]:
        plan = self._blueprint.plan
        return [
            wish
            for name, wish in desired.over(self._blueprint.wishes).items()
            if plan.home(model_name(name)) == self._place.deployment
        ]

    def _write(self, desired: Desired) -> None:
        """Set the log level, unless that of a newer state is set already."""
        if desired.log_level is not None and desired.revision > self._log_revision:
            self._log_revision = desired.revision
            write_from(desired.log_level)

    def _tell(self) -> None:
        if self._changed is not None:
            self._changed(self._desired.over(self._blueprint.wishes), self._desired)

    async def _look_on(self, every_s: float) -> None:
        while True:
            await asyncio.sleep(every_s)
            try:
                await self.look()
            except Exception:  # the outermost loop: the next look may succeed
                log.exception("what is desired cannot be read; looking again")

"""Asks the members of an ensemble as a course tells, for one request.

A thin shell: it knows tasks and timers and decides nothing. Whatever is still asked when
the answer is there, or nobody wants it any more, is cancelled.
"""

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Protocol

from deployments.ensembles.member import Ask, Floats, Member
from deployments.ensembles.pace import Pace
from deployments.errors import (
    BackendFailed,
    DeadlineExceeded,
    InvalidInput,
    NotReady,
    ServingError,
)
from deployments.messages import Reply, Request

COME_BACK_S = 1.0


class Course(Protocol):
    """Decides whom to ask for what, and when there is an answer. Pure."""

    def asks(self) -> Sequence[Ask]:
        """Whom to ask now; nobody is named twice for a row."""
        ...

    def took(self, member: int, distribution: Floats) -> None:
        """A member has answered."""
        ...

    def failed(self, member: int) -> None:
        """A member will not answer."""
        ...

    @property
    def holds(self) -> bool:
        """Whether an answer could be given now."""
        ...

    @property
    def done(self) -> bool:
        """Whether nothing is to be waited for."""
        ...

    @property
    def lost(self) -> bool:
        """Whether no answer can be given any more."""
        ...


Event = Callable[[Course], None]
"""Something that has happened, to be told to a course."""


class Handle(Protocol):
    """A timer that has been set."""

    def cancel(self) -> None:
        """Let it not ring."""
        ...


class Timer(Protocol):
    """Sets timers."""

    def __call__(self, wait_s: float, ring: Callable[[], None]) -> Handle:
        """Call `ring` after `wait_s`."""
        ...


def loop_timer(wait_s: float, ring: Callable[[], None]) -> Handle:
    """A timer of the event loop that runs."""
    return asyncio.get_running_loop().call_later(wait_s, ring)


@dataclass(frozen=True, slots=True)
class Patience:
    """How long members are waited for.

    `member_s`: each, then it has failed. `grace_s`: the others, once there could be an
    answer. `until_s`: a moment, from which on any answer will do.
    """

    member_s: float | None = None
    grace_s: float | None = None
    until_s: float | None = None
    timer: Timer = loop_timer
    clock: Callable[[], float] = time.monotonic


@dataclass(slots=True)
class Ended:
    """How asking went.

    `errors`: who failed with what, those in `timed_out` among them, whose time was over.
    `answered`: who answered, whether or not it came to a vote. `cancelled`: who was not
    needed any more.
    """

    answered: set[int] = field(default_factory=set)
    errors: dict[int, ServingError] = field(default_factory=dict)
    timed_out: set[int] = field(default_factory=set)
    cancelled: set[int] = field(default_factory=set)


class Talk:
    """One request's questions to the members."""

    def __init__(
        self,
        members: Sequence[Member],
        paces: Sequence[Pace],
        request: Request,
        patience: Patience,
        forgives: tuple[type[ServingError], ...] = (ServingError,),
    ) -> None:
        """Prepare; nobody is asked yet.

        Args:
            members: whom a course names by number.
            paces: theirs, told of every answer.
            request: what they are asked.
            patience: how long they are waited for.
            forgives: what may end a member without ending the request.
        """
        self._members, self._paces, self._request = members, paces, request
        self._rows = len(next(iter(request.inputs.values())))
        self._patience, self._forgives = patience, forgives
        self._inbox: list[Event] = []
        self._wake: asyncio.Future[None] | None = None
        self._tasks: dict[int, asyncio.Task[Reply]] = {}
        self._timers: list[Handle] = []
        self._over = self._in_grace = False
        self.ended = Ended()

    async def follow(self, course: Course) -> None:
        """Ask until `course` is done, or holds when patience ends.

        Raises:
            InvalidInput: a member cannot work with the request; nobody could.
            ServingError: what the first failing member raised, when `course` is lost.
        """
        self._ring_at(self._patience.until_s)
        try:
            self._ask(course.asks())
            while not (course.done or (self._over and course.holds)):
                if course.lost:
                    raise next(iter(self.ended.errors.values()))
                for event in await self._events():
                    event(course)
                self._ask(course.asks())
                self._start_grace(course)
        finally:
            self._hang_up()

    async def _events(self) -> list[Event]:
        """What has happened since; waits when nothing has."""
        if not self._inbox:
            self._wake = asyncio.get_running_loop().create_future()
            await self._wake
        events, self._inbox = self._inbox, []
        return events

    def _post(self, event: Event) -> None:
        self._inbox.append(event)
        if self._wake is not None and not self._wake.done():
            self._wake.set_result(None)

    def _ask(self, asks: Sequence[Ask]) -> None:
        for ask in asks:
            began_s, rows = self._patience.clock(), self._rows
            if ask.rows is not None:
                rows = len(ask.rows)
            self._paces[ask.member].started(rows)
            task = asyncio.ensure_future(self._put(ask))
            self._tasks[ask.member] = task
            task.add_done_callback(partial(self._arrive, ask.member, rows, began_s))
        if asks and self._patience.member_s is not None:
            named = [ask.member for ask in asks]
            late = partial(self._post, partial(self._time_out, named))
            self._timers.append(self._patience.timer(self._patience.member_s, late))

    async def _put(self, ask: Ask) -> Reply:
        """Ask one member; its inputs are made first where nobody needed them before."""
        member, request = self._members[ask.member], self._request
        if member.waits(request):
            return await member.node.infer(await member.prepared(request, ask.rows))
        return await member.node.infer(member.share(request, ask.rows))

    def _arrive(
        self, member: int, rows: int, began_s: float, task: asyncio.Task[Reply]
    ) -> None:
        self._paces[member].ended(rows)
        if not task.cancelled() and task.exception() is None:
            now_s = self._patience.clock()
            self._paces[member].learn(rows, now_s - began_s, now_s)
        self._post(partial(self._take, member, task))

    def _take(self, member: int, task: asyncio.Task[Reply], course: Course) -> None:
        if self._tasks.pop(member, None) is None:  # its time was over before
            return
        said = self._hear(member, task)
        if not isinstance(said, BaseException):
            course.took(member, said)
        elif isinstance(said, self._forgives) and not isinstance(said, InvalidInput):
            course.failed(member)
        else:
            raise said

    def _hear(self, member: int, task: asyncio.Task[Reply]) -> Floats | BaseException:
        """What a member says, noted; input that it refuses is no failure of it."""
        said = _said(self._members[member], task)
        if not isinstance(said, BaseException):
            self.ended.answered.add(member)
        elif isinstance(said, ServingError) and not isinstance(said, InvalidInput):
            self.ended.errors[member] = said
        return said

    def _time_out(self, named: Sequence[int], course: Course) -> None:
        limit_s = self._patience.member_s or 0.0
        for member in named:
            task = self._tasks.pop(member, None)
            if task is None:
                continue
            task.cancel()
            self.ended.timed_out.add(member)
            name = self._members[member].model
            self.ended.errors[member] = DeadlineExceeded(name, 0.0, limit_s)
            course.failed(member)

    def _start_grace(self, course: Course) -> None:
        grace_s = self._patience.grace_s
        if grace_s is None or self._over or course.done or not course.holds:
            return
        if grace_s == 0:
            self._over = True
            return
        if not self._in_grace:
            self._in_grace = True
            self._timers.append(self._patience.timer(grace_s, self._ring))

    def _ring_at(self, until_s: float | None) -> None:
        if until_s is not None:
            left_s = max(0.0, until_s - self._patience.clock())
            self._timers.append(self._patience.timer(left_s, self._ring))

    def _ring(self) -> None:
        self._over = True
        self._post(lambda course: None)

    def _hang_up(self) -> None:
        for timer in self._timers:
            timer.cancel()
        for member, task in self._tasks.items():
            if task.done():  # at the same time as what ended the request
                self._hear(member, task)
            else:
                self.ended.cancelled.add(member)
                task.cancel()


def _said(voter: Member, task: asyncio.Task[Reply]) -> Floats | BaseException:
    """What a member's answer says, or why it says nothing."""
    if task.cancelled():
        return NotReady(voter.model, COME_BACK_S)
    error = task.exception()
    if error is not None:
        return error
    try:
        return voter.says(task.result())
    except BackendFailed as failed:
        return failed

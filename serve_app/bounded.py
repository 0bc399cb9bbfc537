"""Ends a request that takes too long, or whose client has left.

Ray Serve would watch with three tasks a request; here a request that is answered soon
costs two timers that never ring.
"""

import asyncio
import time
from collections.abc import Callable
from dataclasses import replace
from enum import Enum

from starlette.requests import Request as HttpRequest
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from deployments.messages import CALM, Request
from serve_app.urgency import HEADER, read_urgency

END_BY = "headwater.end_by"
"""Where an ASGI scope holds what ends its request sooner."""

LOOK_AFTER_S = 0.1
"""A client that leaves earlier is not missed: its answer is nearly there."""


class End(Enum):
    """Why a request was ended."""

    LATE = "late"
    SLOW = "slow"
    """Late, and its body had not come yet."""
    GONE = "gone"


Words = Callable[[Scope, End], Response]
"""The answer to a request that was ended."""


def urgent(http: HttpRequest, request: Request, now_s: float) -> Request:
    """`request` with the deadline and priority that it came with over HTTP.

    A request that runs when its deadline comes is ended then.

    Raises:
        InvalidInput: they make no sense.
    """
    within_ms = http.headers.get(HEADER)
    urgency = read_urgency(request.model, request.parameters, within_ms, now_s)
    if urgency is CALM:
        return request
    end_by = http.scope.get(END_BY)
    if end_by is not None and urgency.deadline_s is not None:
        end_by(urgency.deadline_s)
    return replace(request, urgency=urgency)


class Bounded:
    """Runs an ASGI application for one request, within `limit_s` seconds."""

    def __init__(self, limit_s: float, words: Words) -> None:
        self._limit_s, self._words = limit_s, words

    async def __call__(
        self, app: ASGIApp, scope: Scope, receive: Receive, send: Send
    ) -> None:
        """Run `app`; when it is ended before it answers, answer in its place."""
        watch = _Watch(receive, send, self._limit_s)
        scope[END_BY] = watch.end_by
        try:
            await app(scope, watch.receive, watch.send)
        except asyncio.CancelledError:
            if watch.end is None or _cancelled_by_others():
                raise
            if not watch.answering:
                await self._words(scope, watch.end)(scope, receive, send)
        finally:
            watch.close()


class _Watch:
    """Cancels the current task when time is up or the client has left."""

    def __init__(self, receive: Receive, send: Send, limit_s: float) -> None:
        self._receive, self._send = receive, send
        self._task = asyncio.current_task()
        self._loop = asyncio.get_running_loop()
        self._alarms = [self._loop.call_later(limit_s, self._ring)]
        self._looking: asyncio.Task[None] | None = None
        self.end: End | None = None
        self.whole = self.answering = False

    def end_by(self, deadline_s: float) -> None:
        """End the request at `deadline_s` of `time.monotonic()`, if not before."""
        left_s = max(0.0, deadline_s - time.monotonic())
        self._alarms.append(self._loop.call_later(left_s, self._ring))

    async def receive(self) -> Message:
        message = await self._receive()
        if not message.get("more_body"):
            self.whole = True
            self._alarms.append(self._loop.call_later(LOOK_AFTER_S, self._look))
        return message

    async def send(self, message: Message) -> None:
        self.answering = True
        await self._send(message)

    def close(self) -> None:
        for alarm in self._alarms:
            alarm.cancel()
        if self._looking is not None:
            self._looking.cancel()

    def _ring(self) -> None:
        self._cancel(End.LATE if self.whole else End.SLOW)

    def _look(self) -> None:
        if self._looking is None:
            self._looking = self._loop.create_task(self._wait_until_gone())

    async def _wait_until_gone(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass
        self._cancel(End.GONE)

    def _cancel(self, end: End) -> None:
        if self.end is None and self._task is not None:
            self.end = end
            self._task.cancel()


def _cancelled_by_others() -> bool:
    """Withdraw our cancellation; whether another one is left. Python 3.10 cannot tell."""
    task = asyncio.current_task()
    if task is None or not hasattr(task, "uncancel"):
        return False
    return bool(task.uncancel())

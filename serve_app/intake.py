"""Receives large request bodies where they will be used.

On its way through uvicorn's parser each piece of a body is copied five times before all of
it lies in one place. Here only what comes with the head of a request goes that way. The
rest of a body whose length is known is received straight into the room that the application
offers: the parser has nothing to say about it.

A server's application finds `OFFER` in the scope of a request, and may ask it to fill a room in
place of `receive`.
"""

import asyncio
from collections.abc import Callable
from typing import Any

import httptools
import uvicorn.config
from starlette.requests import ClientDisconnect
from starlette.types import Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

OFFER = "headwater.offer"
HEAD_BYTES = 2**16
"""What is read at once as long as the parser looks at it: less of a body goes through it."""

_HEAD = memoryview(bytearray(HEAD_BYTES))
"""For all connections: what is read into it is parsed before anything else is read."""

Reached = Callable[[int], None]
"""Told how many bytes have come; may raise to end it."""


def install() -> None:
    """Have every uvicorn server of this process that chooses by itself receive so."""
    uvicorn.config.HTTP_PROTOCOLS["auto"] = f"{__name__}:{Intake.__name__}"


class Offer:
    """Fills a room with the body of one request."""

    def __init__(self, intake: "Intake", cycle: Any) -> None:
        self._intake, self._cycle = intake, cycle

    def stands_for(self, receive: Receive) -> bool:
        """Whether `receive` is the server's own: nobody else reads the body."""
        return bool(receive == self._cycle.receive)

    async def fill(self, room: memoryview, reached: Reached) -> None:
        """Receive a body as long as `room`; instead of `receive`, and once.

        Raises:
            ClientDisconnect: the client has left before it was whole.
        """
        cycle = self._cycle
        first = bytes(cycle.body)
        cycle.body = bytearray()
        reached(len(first))
        room[: len(first)] = first
        if cycle.more_body:
            await self._intake.receive_into(room, len(first), reached)
            cycle.more_body = False


class Intake(asyncio.BufferedProtocol):
    """Stands between a connection and uvicorn's protocol for it."""

    def __init__(self, **given: Any) -> None:
        self._inner = HttpToolsProtocol(**given)
        self._app, self._inner.app = self._inner.app, self._serve
        self._filling: _Filling | None = None
        self._deaf = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See `asyncio.Protocol`."""
        self._inner.connection_made(transport)  # type: ignore[arg-type]

    def connection_lost(self, exc: Exception | None) -> None:
        """See `asyncio.Protocol`."""
        self._inner.connection_lost(exc)
        if self._filling is not None:
            self._filling.end(ClientDisconnect())

    def pause_writing(self) -> None:
        """See `asyncio.Protocol`."""
        self._inner.pause_writing()

    def resume_writing(self) -> None:
        """See `asyncio.Protocol`."""
        self._inner.resume_writing()

    def eof_received(self) -> None:
        """See `asyncio.Protocol`."""
        self._inner.eof_received()

    def get_buffer(self, sizehint: int) -> memoryview:
        """See `asyncio.BufferedProtocol`: never more than the body has."""
        return _HEAD if self._filling is None else self._filling.left

    def buffer_updated(self, nbytes: int) -> None:
        """See `asyncio.BufferedProtocol`."""
        if self._deaf:
            return
        if self._filling is None:
            self._inner.data_received(_HEAD[:nbytes])  # type: ignore[arg-type]
            cycle: Any = self._inner.cycle  # None before the first request
            if cycle is not None and cycle.more_body and not cycle.response_complete:
                self._inner.flow.pause_reading()  # until it is asked for more
        else:
            self._note(self._filling, nbytes)

    async def receive_into(self, room: memoryview, at: int, reached: Reached) -> None:
        """Receive into `room` from `at` on, past the parser; see `Offer.fill`."""
        self._filling = filling = _Filling(room, at, reached)
        self._inner.flow.resume_reading()
        try:
            await filling.whole
        except BaseException:
            # Where the next request begins, nobody can tell any more.
            self._filling, self._deaf = None, True
            self._inner.cycle.keep_alive = False
            raise

    def _note(self, filling: "_Filling", count: int) -> None:
        try:
            is_whole = filling.came(count)
        except Exception as error:  # noqa: BLE001, for whoever waits
            self._filling, self._deaf = None, True
            filling.end(error)
            return
        if is_whole:
            self._filling = None
            # This one still waits for the body; the next byte begins a request.
            self._inner.parser = httptools.HttpRequestParser(self._inner)
            filling.end()

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        cycle = self._inner.cycle
        # Not for one that waits behind another, or whose client waits to be told.
        if receive == cycle.receive and not cycle.waiting_for_100_continue:
            scope[OFFER] = Offer(self, cycle)
        await self._app(scope, receive, send)


class _Filling:
    """A room that is being filled."""

    def __init__(self, room: memoryview, at: int, reached: Reached) -> None:
        self.left, self._size, self._reached = room[at:], len(room), reached
        self.whole: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def came(self, count: int) -> bool:
        """Take note of what came; whether that was all. Raises what `reached` does."""
        self.left = self.left[count:]
        self._reached(self._size - len(self.left))
        return not self.left

    def end(self, error: Exception | None = None) -> None:
        """End the wait, unless its caller has left."""
        if self.whole.done():
            return
        if error is None:
            self.whole.set_result(None)
        else:
            self.whole.set_exception(error)

"""Many requests on one stream, each answered once, in their order. Knows no protocol."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from typing import Generic, TypeVar

LIMIT = 64
"""How many requests of one stream are read and not answered yet."""

Asked = TypeVar("Asked")
Answer = TypeVar("Answer")


async def in_order(
    requests: AsyncIterator[Asked],
    answer: Callable[[Asked], Awaitable[Answer]],
    limit: int,
) -> AsyncGenerator[Answer, None]:
    """The answers to `requests`, up to `limit` of which are computed at once.

    The next request is read when there is room for it. Whoever closes the iterator, or
    is cancelled, cancels what is not answered yet; so does `requests` when it raises.

    Args:
        requests: in the order of their answers.
        answer: must not raise.
        limit: counts answers that wait for their turn as well.
    """
    line = _Line(requests, answer, limit)
    try:
        while (answering := await line.next()) is not None:
            yield await answering
            line.room.release()
    finally:
        line.close()


async def while_there(requests: AsyncIterator[Asked]) -> AsyncIterator[Asked]:
    """`requests`, which Ray Serve ends in the same way when the client has left.

    Raises:
        CancelledError: it has.
    """
    async for request in requests:
        yield request
    is_cancelled = getattr(requests, "is_cancelled", None)
    if is_cancelled is not None and is_cancelled():
        raise asyncio.CancelledError


class _Line(Generic[Asked, Answer]):
    """Reads requests and keeps the tasks that answer them, the oldest first."""

    def __init__(
        self,
        requests: AsyncIterator[Asked],
        answer: Callable[[Asked], Awaitable[Answer]],
        limit: int,
    ) -> None:
        self.room = asyncio.Semaphore(limit)
        self._answer, self._requests = answer, requests
        self._tasks: asyncio.Queue[asyncio.Task[Answer] | None] = asyncio.Queue()
        self._open: set[asyncio.Task[Answer]] = set()
        self._reading = asyncio.create_task(self._read())

    async def next(self) -> "asyncio.Task[Answer] | None":
        """What answers the next request; None: there are no more.

        Raises:
            BaseException: what the requests raised.
        """
        task = await self._tasks.get()
        if task is None:
            await self._reading
        return task

    def close(self) -> None:
        """Cancel what is not done."""
        self._reading.cancel()
        self._cancel_open()

    def _cancel_open(self) -> None:
        for task in self._open:
            task.cancel()

    async def _read(self) -> None:
        try:
            await self.room.acquire()
            async for request in self._requests:
                task = asyncio.ensure_future(self._answer(request))
                self._open.add(task)
                task.add_done_callback(self._open.discard)
                self._tasks.put_nowait(task)
                await self.room.acquire()
        except BaseException:  # the client has left, or its stream is broken
            self._cancel_open()
            raise
        finally:
            self._tasks.put_nowait(None)

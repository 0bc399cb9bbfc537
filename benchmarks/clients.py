"""Callers that send one request many times, as cheaply as a Python client can."""

import itertools
from collections.abc import Awaitable, Callable
from pathlib import Path
from types import TracebackType

import grpc

from benchmarks.facts import GrpcTarget, HttpTarget, LoadJob
from benchmarks.http_caller import HttpCaller

Call = Callable[[], Awaitable[str | None]]
"""Send the request once; None for a good answer, else a short name of the failure."""

_CHANNELS = 4
_MESSAGE_BYTES = 64 * 1024 * 1024


class GrpcCaller:
    """A few channels in turn, so that several replicas can be reached."""

    def __init__(self, target: GrpcTarget, body: bytes, timeout_s: float) -> None:
        self._body, self._timeout_s = body, timeout_s
        self._metadata = tuple(target.metadata.items())
        self._channels = [_channel(target.address) for _ in range(_CHANNELS)]
        # No serialisers: the bytes go out and come in as they are.
        calls = [channel.unary_unary(target.method) for channel in self._channels]
        self._calls = itertools.cycle(calls)

    async def __call__(self) -> str | None:
        """See `Call`."""
        call = next(self._calls)
        try:
            content = await call(
                self._body, timeout=self._timeout_s, metadata=self._metadata
            )
        except grpc.aio.AioRpcError as error:
            return f"grpc {error.code().name}"
        return None if content else "empty answer"

    async def close(self) -> None:
        """Close every channel."""
        for channel in self._channels:
            await channel.close()


class Caller:
    """The caller of a job, closed when the block is left."""

    def __init__(self, job: LoadJob) -> None:
        self._job, self._body = job, Path(job.body).read_bytes()

    async def __aenter__(self) -> Call:
        target = self._job.target
        if isinstance(target, HttpTarget):
            self._caller: HttpCaller | GrpcCaller = HttpCaller(
                target, self._body, self._job.timeout_s
            )
        else:
            self._caller = GrpcCaller(target, self._body, self._job.timeout_s)
        return self._caller

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._caller.close()


def _channel(address: str) -> "grpc.aio.Channel":
    return grpc.aio.insecure_channel(
        address,
        options=[
            ("grpc.use_local_subchannel_pool", 1),
            ("grpc.max_receive_message_length", _MESSAGE_BYTES),
            ("grpc.max_send_message_length", _MESSAGE_BYTES),
        ],
    )

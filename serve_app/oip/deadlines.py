"""Between gRPC and the replica: deadlines get through, tensors and streams wait outside.

Ray Serve hands a replica the metadata of a call, but not its deadline. The servicer
function below stands in for the generated one in `grpc_options.grpc_servicer_functions`:
the handlers that Ray Serve registers for ModelInfer and ModelStreamInfer see the time
left as one more entry of metadata, in place of whatever a client sends under that name.
A ModelInfer request comes as an `Arrival`, whose tensors were not copied.

Ray Serve also reads a stream as fast as it comes and keeps it in memory. Here no more
requests of a stream are read than are answered, but for so many; gRPC's flow control
then holds the client back.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import aclosing
from typing import Any

from serve_app.oip import inference_pb2_grpc
from serve_app.oip.arrival import arrived
from serve_app.oip.stream import LIMIT

LEFT_MS = "grpc-timeout-left-ms"
INFER = "/inference.GRPCInferenceService/ModelInfer"
STREAM = "/inference.GRPCInferenceService/ModelStreamInfer"


def add_GRPCInferenceServiceServicer_to_server(  # noqa: N802 - Ray Serve's word for it
    servicer: object, server: Any
) -> None:
    """Register the inference service on `server`, with deadlines and bounds."""
    inference_pb2_grpc.add_GRPCInferenceServiceServicer_to_server(  # type: ignore[no-untyped-call]
        servicer, _Server(server)
    )


class _Server:
    """Registers handlers on a server and then puts something before two of them."""

    def __init__(self, server: Any) -> None:
        self._server = server

    def add_generic_rpc_handlers(self, handlers: Sequence[Any]) -> None:
        self._server.add_generic_rpc_handlers(handlers)
        # Ray Serve has just put its own methods in.
        methods = handlers[0]._method_handlers
        dated = methods[INFER]._replace(
            request_deserializer=arrived,
            unary_unary=_with_deadline(methods[INFER].unary_unary),
        )
        bounded = methods[STREAM]._replace(
            stream_stream=_with_bound(methods[STREAM].stream_stream)
        )
        ours = {INFER: dated, STREAM: bounded}
        handlers[0]._method_handlers = {**methods, **ours}

    def add_registered_method_handlers(self, *registered: object) -> None:
        """Nothing: gRPC would prefer these to the generic ones, and they are without."""


class _Context:
    """The context of a call, with its deadline among the metadata."""

    def __init__(self, context: Any) -> None:
        self._context = context

    def invocation_metadata(self) -> Sequence[tuple[str, str]]:
        metadata = tuple(
            (key, value)
            for key, value in self._context.invocation_metadata() or ()
            if key != LEFT_MS
        )
        left_s = self._context.time_remaining()
        if left_s is None:
            return metadata
        return (*metadata, (LEFT_MS, f"{max(0.0, left_s) * 1e3:.3f}"))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._context, name)


def _with_deadline(handle: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    async def answer(request: Any, context: Any) -> Any:
        return await handle(request, _Context(context))

    return answer


def _with_bound(handle: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    async def answer(requests: Any, context: Any) -> AsyncIterator[Any]:
        room = asyncio.Semaphore(LIMIT)
        answers = handle(_read(requests, room), _Context(context))
        async with aclosing(answers):
            async for response in answers:
                yield response
                room.release()

    return answer


async def _read(requests: Any, room: asyncio.Semaphore) -> AsyncIterator[Any]:
    await room.acquire()
    async for request in requests:
        yield request
        await room.acquire()

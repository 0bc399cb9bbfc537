"""One part of the path as a server of its own: `python -m benchmarks.profile.stages`.

- `socket`: uvicorn or gRPC takes the request and gives a ready answer.
- `front`: all of Headwater in a replica, around a backend that computes nothing.
- `whole`: the same with the model.

Event loop, HTTP server and gRPC options are those that Ray Serve gives a replica; Ray's own
part is not here. It says its port, and ends when its standard input does.
"""

import asyncio
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import grpc
import numpy as np
import uvicorn
import uvloop
from starlette.types import ASGIApp, Receive, Scope, Send

from benchmarks.child import read_job
from configs.catalogue import load_catalogue, packaged_catalogue
from deployments.backends.base import Backend
from deployments.backends.opening import open_backend
from deployments.blueprint import draw_model
from deployments.contracts import edition_contract
from deployments.editions import Edition
from deployments.messages import Tensor
from deployments.model import Model
from deployments.residency import memory
from deployments.served import Offer, Served
from deployments.slots import Slots
from models.card import Card, Fact
from models.store import Store
from serve_app.http import Limits, build_http
from serve_app.oip import deadlines
from serve_app.oip import inference_pb2 as pb
from serve_app.oip.grpc import GrpcFront

Stage = Literal["socket", "front", "whole"]
STAGES: tuple[Stage, ...] = ("socket", "front", "whole")
MESSAGE_BYTES = 2**31 - 1


class StageJob(Fact):
    """What to serve."""

    stage: Stage
    door: Literal["http", "grpc"]
    store: Path
    model: str


class Nothing:
    """A backend that answers at once; `Backend`."""

    def __init__(self, card: Card) -> None:
        self._outputs = card.outputs
        self.to_crops = _no_work  # what makes crops of floats is the model's work

    def run(self, inputs: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
        """See `Backend.run`."""
        rows = len(next(iter(inputs.values())))
        return {
            output.name: np.zeros((rows, *output.shape), np.float32)
            for output in self._outputs
        }


def service(job: StageJob) -> Served:
    """The one model, as a replica with one slot has it."""
    store = Store(job.store)
    catalogue = load_catalogue(packaged_catalogue())
    edition: Edition = draw_model(catalogue, store, {}, job.model).default
    spec, card = edition.spec, edition.card
    backend: Backend = Nothing(card)
    if job.stage == "whole":
        backend = open_backend(card, store)
    model = Model(spec.id, backend, spec.batching, Slots(1), card.image)
    return Served([Offer(edition_contract(store.root, edition), model, _always)])


def echo(length: int) -> ASGIApp:
    """Reads a request's body and answers with `length` bytes."""
    headers = [(b"content-length", str(length).encode()), (b"x-length", b"120")]
    headers.append((b"content-type", b"application/octet-stream"))

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        while (await receive()).get("more_body"):
            pass
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": bytes(length)})

    return app


class Echo(GrpcFront):
    """Answers an inference call with zeros."""

    async def ModelInfer(  # noqa: N802 - the RPC's name
        self, request: object, grpc_context: object
    ) -> pb.ModelInferResponse:
        """Give as many bytes as the model would."""
        response = pb.ModelInferResponse(model_name="echo")
        response.outputs.add(name="logits", datatype="FP32", shape=[1, 1000])
        response.raw_output_contents.append(bytes(4000))
        return response


async def serve(job: StageJob) -> None:
    """Serve on a free port until nobody wants it any more."""
    memory.keep()  # as a replica does when it starts
    open_door = _serve_grpc if job.door == "grpc" else _serve_http
    port, serving = await open_door(job)
    sys.stdout.write(f"{port}\n")
    sys.stdout.flush()
    await asyncio.to_thread(sys.stdin.read)
    serving.cancel()


async def _serve_http(job: StageJob) -> "tuple[int, asyncio.Task[None]]":
    app = echo(4120) if job.stage == "socket" else build_http(service(job), Limits())
    options: dict[str, Any] = {"lifespan": "off", "access_log": False, "port": 0}
    server = uvicorn.Server(uvicorn.Config(app, **options, log_config=None))
    task = asyncio.create_task(server.serve())
    while not server.started:
        if task.done():
            await task
        await asyncio.sleep(0.01)
    return int(server.servers[0].sockets[0].getsockname()[1]), task


async def _serve_grpc(job: StageJob) -> "tuple[int, asyncio.Task[None]]":
    limits = ("send", "receive")
    options = [(f"grpc.max_{way}_message_length", MESSAGE_BYTES) for way in limits]
    server = grpc.aio.server(options=options)
    front = Echo(Served()) if job.stage == "socket" else GrpcFront(service(job))
    deadlines.add_GRPCInferenceServiceServicer_to_server(front, server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    return int(port), asyncio.create_task(_run_on(server))


async def _run_on(server: Any) -> None:
    await server.wait_for_termination()


def _no_work(floats: Tensor) -> Tensor:
    return np.empty((len(floats), *floats.shape[2:], floats.shape[1]), np.uint8)


async def _always() -> bool:
    return True


if __name__ == "__main__":
    uvloop.install()
    asyncio.run(serve(StageJob.model_validate_json(read_job())))

"""The same work on Ray Serve as its documentation shows it: one deployment, `@serve.batch`.

Model code off the event loop, raw bytes in. Nothing of Headwater's serving
path is used, except the functions that crop photos and count votes: both sides need them.
"""

import asyncio
import json
from typing import Any

import numpy as np
from numpy.typing import NDArray
from ray import serve
from starlette.requests import Request
from starlette.responses import Response

from benchmarks.bare import image_of
from benchmarks.facts import PlainArgs
from benchmarks.sessions import input_name, open_sessions
from deployments.voting import top_k
from models.ensembles import soft_vote
from models.imaging import Pixels, crop, decode, normalise

Floats = NDArray[np.float32]
Row = Any
"""One input: FP32 planes or UINT8 pixels."""

_MAX_PIXELS = 40_000_000
_TOP_K = 5


class PlainModel:
    """FP32 input or a UINT8 crop as raw bytes in, logits as raw bytes out."""

    def __init__(self, args: PlainArgs) -> None:
        (self._session,) = open_sessions(args.models, args.threads)
        self._name = input_name(self._session)
        self._shape = self._session.get_inputs()[0].shape[1:]
        self._pixels = args.pixels

    @serve.batch(max_batch_size=16, batch_wait_timeout_s=0.005)
    async def infer(self, rows: list[Row]) -> list[Floats]:
        return list(await asyncio.to_thread(self._run, np.stack(rows)))

    async def __call__(self, request: Request) -> Response:
        logits = await self.infer(self._row(await request.body()))
        return Response(logits.tobytes(), media_type="application/octet-stream")

    def _row(self, body: bytes) -> Row:
        channels, height, width = self._shape
        if len(body) == channels * height * width:
            return np.frombuffer(body, np.uint8).reshape(height, width, channels)
        return np.frombuffer(body, np.float32).reshape(self._shape)

    def _run(self, rows: Row) -> Floats:
        batch = rows
        if self._pixels is not None and rows.dtype == np.uint8:
            batch = normalise(rows, self._pixels)
        logits: Floats = self._session.run(None, {self._name: batch})[0]
        return logits


class PlainDefaults(PlainModel):
    """The same with the limits that `@serve.batch` has by itself."""

    @serve.batch
    async def infer(self, rows: list[Row]) -> list[Floats]:
        return list(await asyncio.to_thread(self._run, np.stack(rows)))


class PlainPipeline:
    """An encoded photo in, the five most probable classes as JSON out."""

    def __init__(self, args: PlainArgs) -> None:
        self._sessions = open_sessions(args.models, args.threads)
        self._images = [image_of(model) for model in args.models]
        self._weights = [model.weight for model in args.models]

    @serve.batch(max_batch_size=16, batch_wait_timeout_s=0.005)
    async def infer(self, photos: list[list[Pixels]]) -> list[Floats]:
        return list(await asyncio.to_thread(self._run, photos))

    async def __call__(self, request: Request) -> Response:
        crops = await asyncio.to_thread(self._crop, await request.body())
        probability = await self.infer(crops)
        index, share = top_k(probability[None], _TOP_K)
        answer = {"class_index": index[0].tolist(), "probability": share[0].tolist()}
        return Response(json.dumps(answer), media_type="application/json")

    def _crop(self, photo: bytes) -> list[Pixels]:
        opened = decode(photo, _MAX_PIXELS)
        return [crop(opened, image) for image in self._images]

    def _run(self, photos: list[list[Pixels]]) -> Floats:
        logits = []
        for place, (session, image) in enumerate(
            zip(self._sessions, self._images, strict=True)
        ):
            pixels = np.stack([photo[place] for photo in photos])
            batch = normalise(pixels, image)
            logits.append(session.run(None, {input_name(session): batch})[0])
        return soft_vote(logits, self._weights)


def build(args: PlainArgs) -> serve.Application:
    """The application that `serve deploy` starts; several models are a pipeline."""
    options: dict[str, Any] = {
        "num_replicas": args.replicas,
        "ray_actor_options": {"num_cpus": args.threads},
    }
    if not args.tuned:
        return serve.deployment(**options)(PlainDefaults).bind(args)
    served = PlainModel if args.models[0].image is None else PlainPipeline
    return serve.deployment(max_ongoing_requests=64, **options)(served).bind(args)

"""The nodes of a pipeline as plain classes; none of them knows where another one runs."""

import asyncio
import time
from collections.abc import Coroutine, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from configs.model import BatchingSpec, ImageSpec
from configs.pipeline import ImagePreprocessSpec
from deployments.batcher import Batcher
from deployments.errors import InvalidInput
from deployments.messages import Parameter, Reply, Request, Tensor
from deployments.slots import Slots
from deployments.voting import top_k
from models.imaging import BadImage, crop, decode, from_pixels

Answer = TypeVar("Answer")


class Node(Protocol):
    """A step of the graph: a request in, a reply with the same rows out."""

    async def infer(self, request: Request) -> Reply:
        """Answer `request`.

        Raises:
            ServingError: one of the leaves of `deployments.errors`.
        """
        ...


def crop_name(image: ImageSpec) -> str:
    """The name of the tensor that holds crops for models with this `image` spec."""
    return f"crop-{image.size_px}-{image.margin_px}"


@dataclass(frozen=True, slots=True)
class Photo:
    """One row of a request: an encoded file, or pixels [height, width, 3]."""

    row: int
    content: bytes | NDArray[np.uint8]


class ImagePreprocess:
    """Photos in; UINT8 crops [rows, s, s, 3] out, one tensor a size that members want.

    Takes `image` as BYTES [rows] (encoded) or UINT8 [rows, height, width, 3] (pixels).
    Crops stay UINT8 because they may cross to another replica.
    """

    def __init__(
        self,
        pipeline: str,
        images: Sequence[ImageSpec],
        spec: ImagePreprocessSpec,
        slots: Slots,
    ) -> None:
        self._pipeline, self._max_pixels = pipeline, spec.max_pixels
        self._crops = {crop_name(image): image for image in images}
        # One photo a run: photos gain nothing from a batch, but need its queue, and
        # many in one request must not keep others waiting.
        limits = BatchingSpec(max_batch_size=1, max_queue_size=spec.max_queue_size)
        self._queue = Batcher[Photo, Mapping[str, Tensor]](
            pipeline, limits, slots, self._run
        )

    @property
    def healthy(self) -> bool:
        """Whether photos still leave the queue."""
        return self._queue.healthy

    async def infer(self, request: Request) -> Reply:
        """See `Node.infer`."""
        photos = next(iter(request.inputs.values()))
        rows = await all_or_none(
            [
                self._queue.submit(Photo(*numbered), 1, request.urgency)
                for numbered in enumerate(photos)
            ]
        )
        return Reply({name: np.stack([row[name] for row in rows]) for name in rows[0]})

    async def close(self) -> None:
        """Refuse what waits, let what runs end."""
        await self._queue.close()

    def _run(self, photos: Sequence[Photo]) -> Sequence[Mapping[str, Tensor]]:
        return [self._crops_of(photo) for photo in photos]

    def _crops_of(self, photo: Photo) -> Mapping[str, Tensor]:
        try:
            if isinstance(photo.content, bytes):
                opened = decode(photo.content, self._max_pixels)
            else:
                opened = from_pixels(photo.content, self._max_pixels)
            return {name: crop(opened, image) for name, image in self._crops.items()}
        except BadImage as error:
            raise InvalidInput(self._pipeline, f"image {photo.row}: {error}") from error


class TensorPreprocess:
    """Hands the pipeline's inputs to the members as they are."""

    async def infer(self, request: Request) -> Reply:
        """See `Node.infer`."""
        return Reply(request.inputs)


class TopKPostprocess:
    """The k most probable classes of each row; a request may ask for another k."""

    def __init__(self, pipeline: str, k: int, labels: Sequence[str]) -> None:
        self._pipeline, self._k = pipeline, k
        self._labels = np.array([label.encode() for label in labels], dtype=np.object_)

    async def infer(self, request: Request) -> Reply:
        """See `Node.infer`; outputs label, class_index and probability, each [rows, k]."""
        probabilities = request.inputs["probability"].astype(np.float32, copy=False)
        classes = probabilities.shape[1]
        k = self._wanted(request.parameters.get("k", min(self._k, classes)), classes)
        index, probability = top_k(probabilities, k)
        return Reply(
            {
                "label": self._labels[index],
                "class_index": index,
                "probability": probability,
            }
        )

    def _wanted(self, k: object, classes: int) -> int:
        if isinstance(k, bool) or not isinstance(k, int) or not 1 <= k <= classes:
            raise InvalidInput(
                self._pipeline,
                f"parameter 'k' of '{self._pipeline}' must be a whole number from 1 to "
                f"{classes}, got {k!r}",
            )
        return k


class TensorPostprocess:
    """The whole distribution: `probability` FP32 [rows, classes]."""

    async def infer(self, request: Request) -> Reply:
        """See `Node.infer`."""
        return Reply(request.inputs)


class Pipeline:
    """Sends a request through preprocess, ensemble and postprocess, in this order.

    `slo_s`: every request is to be answered within that, or as soon as it says itself.
    """

    def __init__(self, steps: Sequence[Node], slo_s: float | None = None) -> None:
        self._steps, self._slo_s = tuple(steps), slo_s

    async def infer(self, request: Request) -> Reply:
        """See `Node.infer`."""
        reply, urgency = Reply(request.inputs), request.urgency
        told: dict[str, Parameter] = {}
        if self._slo_s is not None:
            urgency = urgency.within(self._slo_s, time.monotonic())
        for step in self._steps:
            asked = Request(
                request.model, reply.outputs, request.parameters, request.id, urgency
            )
            reply = await step.infer(asked)
            told |= reply.parameters
        return Reply(reply.outputs, told)


async def all_or_none(
    questions: Sequence[Coroutine[object, object, Answer]],
) -> list[Answer]:
    """Every answer in order; when one fails or the caller leaves, the rest is cancelled.

    Raises:
        BaseException: what the first failing question raised.
    """
    tasks = [asyncio.ensure_future(question) for question in questions]
    try:
        return list(await asyncio.gather(*tasks))
    finally:
        for task in tasks:
            task.cancel()

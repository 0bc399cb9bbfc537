"""The nodes of a pipeline as plain classes; none of them knows where another one runs."""

import asyncio
import time
from collections.abc import Coroutine, Sequence
from typing import Protocol, TypeVar

import numpy as np

from deployments.errors import InvalidInput
from deployments.messages import Parameter, Reply, Request
from deployments.voting import top_k

Answer = TypeVar("Answer")


class Node(Protocol):
    """A step of the graph: a request in, a reply with the same rows out."""

    async def infer(self, request: Request) -> Reply:
        """Answer `request`.

        Raises:
            ServingError: one of the leaves of `deployments.errors`.
        """
        ...


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
                request.model,
                reply.outputs,
                request.parameters,
                request.id,
                urgency,
                reply.later,
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

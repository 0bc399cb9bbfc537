"""One model on one replica: batches requests and runs them on its backend."""

from collections.abc import Mapping, Sequence
from itertools import accumulate

import numpy as np

from configs.model import BatchingSpec, ImageSpec
from deployments.backends.base import Backend
from deployments.batcher import Batcher
from deployments.batching.stats import BatchStats
from deployments.messages import Reply, Request, Tensor
from deployments.slots import Slots
from models.imaging import normalise

Tensors = Mapping[str, Tensor]


class Model:
    """A node; takes its float inputs, or UINT8 crops [rows, s, s, 3] that it normalises."""

    def __init__(
        self,
        name: str,
        backend: Backend,
        limits: BatchingSpec,
        slots: Slots,
        image: ImageSpec | None = None,
    ) -> None:
        self._backend, self._image = backend, image
        self._varied = False
        self._batcher = Batcher[Tensors, Tensors](name, limits, slots, self._run)

    @property
    def stats(self) -> BatchStats:
        """What this replica's batcher has done."""
        return self._batcher.stats

    @property
    def healthy(self) -> bool:
        """Whether batches still leave the queue."""
        return self._batcher.healthy

    def tell(self, run_s: Mapping[int, float], varied: bool) -> None:
        """What its card says.

        Args:
            run_s: seconds of a run by rows; believed until runs here say otherwise.
            varied: the shape of rows differs; only equal ones share a batch.
        """
        self._batcher.believe(run_s)
        self._varied = varied and self._image is None

    async def infer(self, request: Request) -> Reply:
        """See `Node.infer`."""
        inputs = request.inputs
        rows = len(next(iter(inputs.values())))
        bucket = _shapes(inputs) if self._varied else None
        return Reply(await self._batcher.submit(inputs, rows, request.urgency, bucket))

    async def close(self) -> None:
        """Refuse what waits, let what runs end."""
        await self._batcher.close()

    def _run(self, requests: Sequence[Tensors]) -> Sequence[Tensors]:
        batch = {
            name: self._stack([request[name] for request in requests])
            for name in requests[0]
        }
        outputs = self._backend.run(batch)
        ends = list(accumulate(len(next(iter(r.values()))) for r in requests))
        if any(len(tensor) != ends[-1] for tensor in outputs.values()):
            raise ValueError(f"{ends[-1]} rows gave another number of rows")
        if len(requests) == 1:
            return [outputs]
        return [
            {name: tensor[start:end] for name, tensor in outputs.items()}
            for start, end in zip([0, *ends], ends, strict=False)
        ]

    def _stack(self, tensors: Sequence[Tensor]) -> Tensor:
        if self._image is not None and any(t.dtype == np.uint8 for t in tensors):
            return _normalised(tensors, self._image)
        return tensors[0] if len(tensors) == 1 else np.concatenate(tensors)


def _shapes(inputs: Tensors) -> object:
    return tuple(sorted((name, t.shape[1:]) for name, t in inputs.items()))


def _normalised(tensors: Sequence[Tensor], image: ImageSpec) -> Tensor:
    """Crops and float inputs in any order as one float batch, each written once."""
    crop = next(tensor for tensor in tensors if tensor.dtype == np.uint8)
    _, height, width, channels = crop.shape
    batch = np.empty((sum(map(len, tensors)), channels, height, width), np.float32)
    start = 0
    for tensor in tensors:
        rows = batch[start : start + len(tensor)]
        if tensor.dtype == np.uint8:
            normalise(tensor, image, out=rows)
        else:
            rows[:] = tensor
        start += len(tensor)
    return batch

"""One model on one replica: batches requests and runs them on its backend.

A `Model` stays, with its queue and what it has learned, while its backend comes and goes;
`ResidentModel` is the same for who asks, and has the backend loaded when it is not there.
"""

from asyncio import CancelledError
from collections.abc import Mapping, Sequence
from itertools import accumulate
from time import monotonic, perf_counter_ns

import numpy as np

from configs.audio import AudioSpec
from configs.model import BatchingSpec, FrontEnd, TensorSpec
from deployments.backends.base import Backend, crop_maker
from deployments.batcher import COME_BACK_S, Batcher
from deployments.batching.stats import BatchStats
from deployments.errors import NoAvailableVersion, NotReady, ServingError
from deployments.messages import Reply, Request, Tensor
from deployments.outputs import Outputs
from deployments.residency.residency import Residency
from deployments.residency.seat import Seat
from deployments.slots import Slots
from models.audio.front_end import heard
from models.imaging import normalise

Tensors = Mapping[str, Tensor]


class Model:
    """A node; takes its float inputs, UINT8 crops [rows, h, w, c] or INT16 recordings.

    Crops are normalised here, unless the backend takes them as they are: then it is the
    floats of others that become crops.
    """

    def __init__(
        self,
        name: str,
        backend: Backend | None,
        limits: BatchingSpec,
        slots: Slots,
        image: FrontEnd | None = None,
    ) -> None:
        self._name, self._backend, self._image = name, backend, image
        self._varied, self._outputs = False, Outputs()
        self._batcher = Batcher[Tensors, Tensors](name, limits, slots, self._run)

    @property
    def stats(self) -> BatchStats:
        """What this replica's batcher has done."""
        return self._batcher.stats

    @property
    def healthy(self) -> bool:
        """Whether batches still leave the queue."""
        return self._batcher.healthy

    @property
    def busy(self) -> bool:
        """See `residency.seat.Host.busy`."""
        return self._batcher.busy

    def seat(self, backend: Backend | None) -> None:
        """See `residency.seat.Host.seat`."""
        self._backend = backend

    async def drained(self) -> None:
        """See `residency.seat.Host.drained`."""
        await self._batcher.drained()

    def tell(
        self,
        run_s: Mapping[int, float],
        varied: bool,
        outputs: Sequence[TensorSpec] = (),
    ) -> None:
        """What its card says.

        Args:
            run_s: seconds of a run by rows; believed until runs here say otherwise.
            varied: the shape of rows differs; only equal ones share a batch.
            outputs: what its answers are held to; none: they need only have the rows.
        """
        self._batcher.latency.believe(run_s)
        self._varied = varied and self._image is None
        self._outputs = Outputs(outputs)

    @property
    def has_run(self) -> bool:
        """See `residency.timing.Learner.has_run`."""
        return bool(self.stats.items)

    def timed(self, run_s: Mapping[int, float]) -> None:
        """See `residency.timing.Learner.timed`; believed until runs say otherwise."""
        self._batcher.latency.believe(run_s)

    def expect_s(self, rows: int) -> float:
        """See `Latency.expect_s`."""
        return self._batcher.latency.expect_s(rows)

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
        began_ns = perf_counter_ns()
        batch = {
            name: self._stack([request[name] for request in requests])
            for name in requests[0]
        }
        ready_ns = perf_counter_ns()
        if self._backend is None:
            raise NotReady(self._name, COME_BACK_S)
        outputs = self._backend.run(batch)
        ran_ns = perf_counter_ns()
        ends = list(accumulate(len(next(iter(r.values()))) for r in requests))
        self._outputs.check(outputs, ends[-1])
        answers = _split(outputs, ends)
        clock_ns = (began_ns, ready_ns, ran_ns, perf_counter_ns())
        self.stats.stages.add(ends[-1], len(requests), clock_ns)
        return answers

    def _stack(self, tensors: Sequence[Tensor]) -> Tensor:
        if isinstance(self._image, AudioSpec):
            tensors = [heard(tensor, self._image) for tensor in tensors]
        to_crops = crop_maker(self._backend)
        if to_crops is not None:
            tensors = [t if t.dtype == np.uint8 else to_crops(t) for t in tensors]
        elif self._image is not None and any(t.dtype == np.uint8 for t in tensors):
            return _normalised(tensors, self._image)
        return tensors[0] if len(tensors) == 1 else np.concatenate(tensors)


class ResidentModel:
    """A model whose backend is on this replica or comes when it is asked for.

    A request to one that is there costs no lock, no task and no wait more than a `Model`.
    """

    def __init__(self, model: Model, seat: Seat, residency: Residency) -> None:
        self._model, self._seat, self._residency = model, seat, residency

    async def infer(self, request: Request) -> Reply:
        """See `Node.infer`.

        Raises:
            ServingError: also those of `Residency.take`.
        """
        seat, waited_s = self._seat, 0.0
        if seat.ready:
            seat.holds += 1
            seat.uses += 1
            seat.used_s = monotonic()
        else:
            waited_s = await self._take(request)
        try:
            reply = await self._model.infer(request)
            if waited_s:
                self._model.stats.waited_before(waited_s)
            return reply
        finally:
            seat.holds -= 1
            if seat.watched and not seat.holds:
                self._residency.freed(seat)

    async def _take(self, request: Request) -> float:
        """Hold the model when it is there; a request that does not get it has failed.

        Returns the seconds that this took.
        """
        asked_s = monotonic()
        try:
            await self._residency.take(self._seat, request.urgency)
        except NoAvailableVersion:  # nothing of that name: nobody's failure
            raise
        except (ServingError, CancelledError):
            self._model.stats.turn_away(monotonic() - asked_s)
            raise
        return monotonic() - asked_s


def _split(outputs: Tensors, ends: Sequence[int]) -> Sequence[Tensors]:
    """The rows of each request, which end before `ends`."""
    if len(ends) == 1:
        return [outputs]
    return [
        {name: tensor[start:end] for name, tensor in outputs.items()}
        for start, end in zip([0, *ends], ends, strict=False)
    ]


def _shapes(inputs: Tensors) -> object:
    return tuple(sorted((name, t.shape[1:]) for name, t in inputs.items()))


def _normalised(tensors: Sequence[Tensor], image: FrontEnd) -> Tensor:
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

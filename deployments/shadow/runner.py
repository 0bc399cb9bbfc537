"""Runs one variant on a thread of its own, behind all other work of the machine."""

import asyncio
import contextlib
import os
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from configs.model import ImageSpec
from deployments.backends.base import Backend
from deployments.messages import Tensor
from models.ensembles import softmax
from models.imaging import normalise

NICENESS = 5
"""A third of the weight of other threads where cores are full.

Not 19, a seventieth: the thread would wait for a core while it holds Python's lock, and the
event loop would wait with it.
"""

Tensors = Mapping[str, Tensor]


class Runner:
    """Answers one after the other; the variant is opened with the first question."""

    def __init__(
        self,
        open_: Callable[[], Backend],
        logits: str,
        image: ImageSpec | None = None,
    ) -> None:
        """Open nothing yet.

        Args:
            open_: opens the variant; called once, in the thread.
            logits: the output to take.
            image: how crops become its input.
        """
        self._open, self._logits, self._image = open_, logits, image
        self._backend: Backend | None = None
        self._thread = ThreadPoolExecutor(1, "shadow", initializer=_step_back)

    async def probabilities(self, inputs: Tensors) -> Tensor:
        """FP32 [rows, classes] for inputs as a member gets them.

        Raises:
            Exception: whatever opening or running it raises.
        """
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._thread, self._answer, inputs)

    def close(self) -> None:
        """Let what runs end and take no more."""
        self._thread.shutdown(wait=False, cancel_futures=True)

    def _answer(self, inputs: Tensors) -> Tensor:
        if self._backend is None:
            self._backend = self._open()
        ready = {name: self._ready(tensor) for name, tensor in inputs.items()}
        return softmax(self._backend.run(ready)[self._logits].astype(np.float32))

    def _ready(self, tensor: Tensor) -> Tensor:
        if self._image is None or tensor.dtype != np.uint8:
            return tensor
        return normalise(tensor, self._image)


def _step_back() -> None:
    """Only Linux has a niceness for each thread; elsewhere it stays as it is."""
    with contextlib.suppress(OSError, AttributeError):
        thread = threading.get_native_id()
        before = os.getpriority(os.PRIO_PROCESS, thread)
        os.setpriority(os.PRIO_PROCESS, thread, max(before, NICENESS))

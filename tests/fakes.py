"""Stand-ins that behave like the real thing, as far as a test can see."""

import asyncio
import threading
from collections.abc import Mapping
from typing import Any

import numpy as np

from deployments.errors import ServingError
from deployments.messages import Parameter, Reply, Request, Tensor


class DoublingBackend:
    """Answers y = 2x; keeps what it ran, waits at a gate, refuses poisoned rows."""

    def __init__(self) -> None:
        self.batches: list[int] = []
        self.gate = threading.Event()
        self.gate.set()
        self.entered = threading.Semaphore(0)

    def run(self, inputs: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
        rows = inputs["x"]
        self.entered.release()
        if not self.gate.wait(timeout=30):
            raise TimeoutError("the test never opened the gate")
        self.batches.append(len(rows))
        if (rows < 0).any():
            raise ArithmeticError("poisoned row at /somewhere/secret")
        return {"y": rows * 2}


class EchoNode:
    """Replies with what it was asked, or raises what it was given."""

    def __init__(self, outputs: Mapping[str, Tensor] | None = None) -> None:
        self.outputs = outputs
        self.parameters: Mapping[str, Parameter] = {}
        self.later: Mapping[str, Any] = {}
        self.error: ServingError | None = None
        self.requests: list[Request] = []

    async def infer(self, request: Request) -> Reply:
        self.requests.append(request)
        if self.error is not None:
            raise self.error
        outputs = request.inputs if self.outputs is None else self.outputs
        return Reply(outputs, self.parameters, self.later)


class StuckNode:
    """Never answers; remembers whether its caller left."""

    def __init__(self) -> None:
        self.asked = asyncio.Event()
        self.cancelled = False

    async def infer(self, request: Request) -> Reply:
        self.asked.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            self.cancelled = True
            raise
        return Reply({})


def floats(*values: float) -> Tensor:
    """A column of FP32 rows."""
    return np.array(values, np.float32).reshape(-1, 1)

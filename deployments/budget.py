"""How many bytes of unanswered requests one replica holds. Pure.

A count beside the queues' own: a queue bounds rows, and rows may be large.
"""

from collections.abc import Mapping
from types import TracebackType

import numpy as np

from configs.replica import ReplicaSpec
from deployments.errors import Saturated
from deployments.messages import Tensor

COME_BACK_S = 1.0


class Budget:
    """What is held of a limit; used from one event loop, so it needs no lock."""

    def __init__(self, limit_bytes: int = ReplicaSpec().max_inflight_bytes) -> None:
        self.limit_bytes, self.held_bytes = limit_bytes, 0

    def hold(self, name: str) -> "Hold":
        """The share of one request to `name`, empty at first."""
        return Hold(self, name)


class Hold:
    """What one request holds; given back when its `with` block ends."""

    def __init__(self, budget: Budget, name: str) -> None:
        self.name, self.size_bytes = name, 0
        self._budget = budget

    def reach(self, size_bytes: int) -> None:
        """Hold `size_bytes` altogether, if that is more than now.

        A request that is alone on the replica may have any size.

        Raises:
            Saturated: the replica would hold too much.
        """
        more = size_bytes - self.size_bytes
        if more <= 0:
            return
        held = self._budget.held_bytes
        if held + more > self._budget.limit_bytes and held > self.size_bytes:
            raise Saturated(self.name, held, COME_BACK_S)
        self._budget.held_bytes += more
        self.size_bytes = size_bytes

    def __enter__(self) -> "Hold":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._budget.held_bytes -= self.size_bytes


def size_bytes(tensors: Mapping[str, Tensor]) -> int:
    """The bytes of all elements."""
    return sum(
        sum(map(len, tensor.flat)) if tensor.dtype == np.object_ else tensor.nbytes
        for tensor in tensors.values()
    )

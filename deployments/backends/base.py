"""What every runtime offers; the only thing the rest of the room knows of it."""

from collections.abc import Mapping
from typing import Protocol

from deployments.messages import Tensor


class Backend(Protocol):
    """One loaded variant; `run` may be called from several threads at once."""

    def run(self, inputs: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
        """One batch through the model; the first dimension of every tensor is the row."""
        ...

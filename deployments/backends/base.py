"""What every runtime offers; the only thing the rest of the room knows of it."""

from collections.abc import Callable, Mapping
from typing import Protocol

from deployments.messages import Tensor


class Backend(Protocol):
    """One loaded variant; `run` may be called from several threads at once."""

    def run(self, inputs: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
        """One batch through the model; the first dimension of every tensor is the row."""
        ...


def crop_maker(backend: Backend | None) -> Callable[[Tensor], Tensor] | None:
    """What makes crops [rows, s, s, 3] of floats for a backend that takes those as well.

    It is the backend's `to_crops`, which most have not. None: it takes its floats only.
    """
    return getattr(backend, "to_crops", None)

"""One voter of an ensemble."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from deployments.errors import BackendFailed
from deployments.messages import Reply, Request, Tensor
from deployments.nodes import Node
from models.calibration import tempered

Floats = NDArray[np.float32]
Rows = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Member:
    """A model as an ensemble knows it.

    `feed` maps the model's inputs to the names that preprocess gives. `run_s`: seconds
    of a run by rows, from the card. `queue_rows`: how many rows may wait for it on a
    replica. `home`: members of one deployment share its threads. `seat`: see
    `configs.pipeline.MemberSpec.seat`.
    """

    model: str
    node: Node
    weight: float
    feed: Mapping[str, str]
    logits: str
    temperature: float = 1.0
    fallback: bool = False
    run_s: Mapping[int, float] = field(default_factory=dict)
    queue_rows: int = 256
    home: str = ""
    seat: str = ""

    @property
    def name(self) -> str:
        """What answers and counts call it: two versions of one model are two members."""
        return self.seat or self.model

    def share(self, request: Request, rows: Rows | None = None) -> Request:
        """What the member is asked: its inputs, of all rows or of some."""
        inputs: dict[str, Tensor] = {
            name: request.inputs[source] for name, source in self.feed.items()
        }
        if rows is not None:
            inputs = {name: tensor[rows] for name, tensor in inputs.items()}
        return Request(self.model, inputs, {}, request.id, request.urgency)

    def waits(self, request: Request) -> bool:
        """Whether one of its inputs was not made yet."""
        return any(source in request.later for source in self.feed.values())

    async def prepared(self, request: Request, rows: Rows | None = None) -> Request:
        """What `share` gives, after inputs have been made that were not there yet.

        Raises:
            ServingError: they cannot be.
        """
        inputs: dict[str, Tensor] = {}
        for name, source in self.feed.items():
            if source in request.later:
                inputs[name] = await request.later[source].rows(rows)
            else:
                whole = request.inputs[source]
                inputs[name] = whole if rows is None else whole[rows]
        return Request(self.model, inputs, {}, request.id, request.urgency)

    def says(self, reply: Reply) -> Floats:
        """How probable every class is by its answer, [rows, classes].

        Raises:
            BackendFailed: some row's logits hold NaN or infinity, and say nothing.
        """
        logits = reply.outputs[self.logits].astype(np.float32, copy=False)
        # NaN spreads to the largest; -inf beside a number only rules a class out.
        if not np.isfinite(logits.max(axis=1)).all():
            raise BackendFailed(self.model, f"{self.logits} holds NaN or infinity")
        return tempered(logits, self.temperature)


@dataclass(frozen=True, slots=True)
class Ask:
    """A question to the member of that number; `rows` None: all rows."""

    member: int
    rows: Rows | None = None

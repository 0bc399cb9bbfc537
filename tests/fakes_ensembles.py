"""Members that answer when a test says so, and a clock that stands still."""

import asyncio
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from deployments.ensembles.member import Member
from deployments.errors import ServingError
from deployments.messages import Reply, Request

Floats = NDArray[np.float32]


class ToldNode:
    """Answers logits that follow from its input; `hold` makes it wait for `release`.

    The input `x` [rows, 1] picks a row of `table`, so that answers belong to rows.
    """

    def __init__(self, table: Floats, held: bool = False) -> None:
        self.table = table
        self.error: ServingError | None = None
        self.requests: list[Request] = []
        self.asked = asyncio.Event()
        self.cancelled = False
        self._open = asyncio.Event()
        if not held:
            self._open.set()

    def release(self) -> None:
        self._open.set()

    @property
    def rows(self) -> list[list[int]]:
        """Which rows of the table each question was about."""
        return [r.inputs["x"][:, 0].tolist() for r in self.requests]

    async def infer(self, request: Request) -> Reply:
        self.requests.append(request)
        self.asked.set()
        try:
            await self._open.wait()
        except asyncio.CancelledError:
            self.cancelled = True
            raise
        if self.error is not None:
            raise self.error
        return Reply({"logits": self.table[request.inputs["x"][:, 0]]})


class ToldLater:
    """An input `x` that is made when it is asked for, or cannot be."""

    row_s = 0.5

    def __init__(self, *numbers: int) -> None:
        self._whole = np.array(numbers, np.int64).reshape(-1, 1)
        self.error: ServingError | None = None
        self.made: set[int] = set()

    async def rows(self, rows: NDArray[np.int64] | None) -> NDArray[np.int64]:
        if self.error is not None:
            raise self.error
        wanted = np.arange(len(self._whole)) if rows is None else rows
        self.made.update(wanted.tolist())
        made: NDArray[np.int64] = self._whole[wanted]
        return made

    @property
    def spared(self) -> int:
        return len(self._whole) - len(self.made)


class Timers:
    """Rings when a test says so."""

    def __init__(self) -> None:
        self.set: list[tuple[float, Callable[[], None]]] = []
        self.cancelled = 0

    def __call__(self, wait_s: float, ring: Callable[[], None]) -> "Timers":
        self.set.append((wait_s, ring))
        return self

    def cancel(self) -> None:
        self.cancelled += 1

    def ring(self, number: int = 0) -> None:
        self.set[number][1]()


def surely(*classes: int, of: int = 3, logit: float = 9.0) -> Floats:
    """A table of logits: row i is sure of the i-th class named."""
    return (logit * np.eye(of)[list(classes)]).astype(np.float32)


def member(node: ToldNode, name: str = "m", **said: object) -> Member:
    """A member of weight 1 that is fed `x`."""
    usual: dict[str, object] = {"weight": 1.0, "run_s": {1: 0.01}, "feed": {"x": "x"}}
    facts = usual | said
    return Member(name, node, logits="logits", **facts)  # type: ignore[arg-type]


def rows(*numbers: int, **said: object) -> Request:
    """A request for these rows of the tables."""
    x = np.array(numbers, np.int64).reshape(-1, 1)
    return Request("p", {"x": x}, **said)  # type: ignore[arg-type]

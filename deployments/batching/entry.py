"""An item in a queue together with who waits for its answer."""

import asyncio
from typing import Generic, TypeVar

from deployments.batching.waiting import Waiting
from deployments.errors import ServingError

Item = TypeVar("Item")
Result = TypeVar("Result")


class Entry(Waiting, Generic[Item, Result]):
    """One item; `answer` is what its caller awaits."""

    def __init__(
        self,
        item: Item,
        rows: int,
        arrived_s: float,
        answer: "asyncio.Future[Result]",
    ) -> None:
        self.item, self.rows = item, rows
        self.arrived_s, self.answer = arrived_s, answer

    def settle(self, outcome: Result | ServingError) -> None:
        """Give the caller its answer, unless it has left."""
        if self.answer.done():
            return
        if isinstance(outcome, ServingError):
            self.answer.set_exception(outcome)
        else:
            self.answer.set_result(outcome)

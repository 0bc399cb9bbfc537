"""Shadows whose backend answers when a test says so, and somebody who watches."""

import threading
from collections.abc import Mapping

import numpy as np

from deployments.messages import Reply, Request, Tensor
from deployments.shadow.drift import Drift
from deployments.shadow.node import Shadow, Shadowed, Shadowing
from deployments.shadow.runner import Runner


class ToldBackend:
    """Answers `logits` for the rows that `x` names; `hold` makes it wait for `let_go`."""

    def __init__(self, logits: Tensor, held: bool = False) -> None:
        self.logits, self.threads = logits, set[str]()
        self._open = threading.Event()
        if not held:
            self._open.set()

    def let_go(self) -> None:
        self._open.set()

    def run(self, inputs: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
        self.threads.add(threading.current_thread().name)
        self._open.wait()
        return {"logits": self.logits[inputs["x"][:, 0]]}


class Voter:
    """A node that answers `probability` for the rows that `x` names."""

    def __init__(self, probability: Tensor) -> None:
        self.probability = probability

    async def infer(self, request: Request) -> Reply:
        return Reply({"probability": self.probability[request.inputs["x"][:, 0]]})


class Watcher:
    """Keeps what it is shown."""

    def __init__(self) -> None:
        self.shown: list[tuple[str, str, str, Drift]] = []

    def show(self, pipeline: str, member: str, outcome: str, drift: Drift) -> None:
        self.shown.append((pipeline, member, outcome, drift))

    @property
    def outcomes(self) -> list[str]:
        return [outcome for _, _, outcome, _ in self.shown]


class Scene:
    """A node that is sure of class 0 in every row, and one shadow of it."""

    def __init__(
        self,
        backend: ToldBackend | None,
        watcher: Watcher | None = None,
        **limits: float,
    ) -> None:
        said = {"fraction": 1.0, "max_waiting_rows": 64, "window_rows": 100} | limits
        self.backend, self.watcher = backend, watcher or Watcher()
        spec = Shadowing(
            "p",
            "m/int8",
            said["fraction"],
            int(said["max_waiting_rows"]),
            int(said["window_rows"]),
        )
        runner = Runner(self.open, "logits")
        self.shadow = Shadow(spec, runner, {"x": "x"}, self.watcher)
        given = np.tile(np.array([0.8, 0.1, 0.1], np.float32), (8, 1))
        self.node = Shadowed(Voter(given), [self.shadow])
        self.opened = 0

    def open(self) -> ToldBackend:
        """The backend; without one, a variant whose file is gone."""
        self.opened += 1
        if self.backend is None:
            raise OSError("no such file")
        return self.backend

    async def ask(self, *rows: int) -> Reply:
        x = np.array(rows, np.int64).reshape(-1, 1)
        return await self.node.infer(Request("p", {"x": x}))

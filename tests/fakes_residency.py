"""A machine with models whose size, loading and runs a test decides."""

import asyncio
import threading
from collections.abc import Mapping

from configs.pool import PoolSpec
from deployments.backends.base import Backend
from deployments.messages import CALM, Tensor, Urgency
from deployments.residency.eviction import Room
from deployments.residency.loading import Loader
from deployments.residency.residency import Residency
from deployments.residency.seat import Seat, Standing, Tenant
from deployments.residency.sizes import Sizes


class FakeMachine:
    """Counts what is open; a load can be held at a gate or made to fail.

    `gauge_error`: raised instead of telling what is held.
    """

    def __init__(self) -> None:
        self.held_bytes = 0
        self.most_bytes = 0
        self.opens: list[str] = []
        self.gates: dict[str, threading.Event] = {}
        self.errors: dict[str, Exception] = {}
        self.gauge_error: OSError | None = None
        self.entered = threading.Semaphore(0)
        self._lock = threading.Lock()

    def gauge(self) -> Room:
        if self.gauge_error is not None:
            raise self.gauge_error
        return Room(self.held_bytes)

    def hold(self, key: str) -> threading.Event:
        """The next loads of `key` wait until the gate is set."""
        return self.gates.setdefault(key, threading.Event())

    def open(self, key: str, size_bytes: int) -> "FakeBackend":
        self.opens.append(key)
        self.entered.release()
        gate = self.gates.get(key)
        if gate is not None and not gate.wait(timeout=30):
            raise TimeoutError("the test never opened the gate")
        if key in self.errors:
            raise self.errors[key]
        return FakeBackend(self, size_bytes)

    def take(self, size_bytes: int) -> None:
        with self._lock:
            self.held_bytes += size_bytes
            self.most_bytes = max(self.most_bytes, self.held_bytes)


class FakeBackend:
    """Holds its bytes until the last reference to it is gone."""

    def __init__(self, machine: FakeMachine, size_bytes: int) -> None:
        self._machine, self._size_bytes = machine, size_bytes
        machine.take(size_bytes)

    def run(self, inputs: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
        return inputs

    def __del__(self) -> None:
        self._machine.take(-self._size_bytes)


class FakeHost:
    """A queue without requests; a test says whether it computes."""

    def __init__(self) -> None:
        self.backend: Backend | None = None
        self.idle = asyncio.Event()
        self.idle.set()

    @property
    def busy(self) -> bool:
        return not self.idle.is_set()

    def seat(self, backend: Backend | None) -> None:
        self.backend = backend

    async def drained(self) -> None:
        await self.idle.wait()


class ExactSizes(Sizes):
    """Knows what a model takes before it is loaded: as much as its file."""

    def expect(self, digest: str, size_bytes: int) -> Room:
        return Room(size_bytes)

    def knows(self, digest: str) -> bool:
        return True

    def is_sure(self, digest: str) -> bool:
        return True

    def learn(
        self, digest: str, size_bytes: int, measured: Room, alone: bool = True
    ) -> Room:
        return Room(size_bytes)


class Clock:
    """Shows what a test sets."""

    def __init__(self) -> None:
        self.now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


class Pool:
    """A residency on a fake machine, and holds on its models."""

    def __init__(
        self,
        models: Mapping[str, int],
        sizes: Sizes | None = None,
        **spec: object,
    ) -> None:
        said = {"models": tuple(models), "min_resident_s": 0.0, **spec}
        self.spec = PoolSpec.model_validate(said)
        self.machine = FakeMachine()
        self.clock = Clock()
        self.loader = Loader(
            self.spec.parallel_loads,
            self.spec.load_timeout_s,
            self.machine.gauge,
            sizes=sizes or ExactSizes(),
        )
        self.residency = Residency(self.spec, self.loader, self.clock)
        self.seats = {name: self.offer(name, size) for name, size in models.items()}

    def offer(
        self,
        name: str,
        size_bytes: int,
        takes_bytes: int | None = None,
        peak_bytes: int | None = None,
    ) -> Seat:
        """Let a model live here; it takes as much memory as its file, if nothing is said."""
        taken = size_bytes if takes_bytes is None else takes_bytes
        return self.residency.offer(
            Tenant(
                key=name,
                name=name,
                digest=name.encode().hex().ljust(64, "0"),
                size_bytes=size_bytes,
                open=lambda full: self.machine.open(name, taken),
                host=FakeHost(),
                peak_bytes=peak_bytes,
            )
        )

    async def hold(self, name: str, urgency: Urgency = CALM) -> None:
        """What `ResidentModel` does before it runs."""
        seat = self.seats[name]
        if seat.ready:
            seat.holds += 1
            seat.uses += 1
            seat.used_s = self.clock()
        else:
            await self.residency.take(seat, urgency)

    def give_back(self, name: str) -> None:
        """What `ResidentModel` does after it has run."""
        seat = self.seats[name]
        seat.holds -= 1
        if seat.watched and not seat.holds:
            self.residency.freed(seat)

    async def use(self, name: str) -> None:
        await self.hold(name)
        self.give_back(name)

    def resident(self) -> list[str]:
        return [name for name, seat in self.seats.items() if seat.ready]

    def state(self, name: str) -> Standing:
        return next(s for s in self.residency.states() if s.key == name)

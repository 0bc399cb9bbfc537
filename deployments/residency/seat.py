"""The state of one model version on one replica. No clock, no thread, no disk."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Protocol

from deployments.backends.base import Backend
from deployments.control import State
from deployments.errors import LoadFailed
from deployments.residency.demand import Demand
from deployments.residency.eviction import Room
from deployments.residency.failures import Failure
from deployments.residency.stats import Tally


def key_of(name: str, version: int) -> str:
    """The usual key of a model version on its replica."""
    return f"{name}:{version}"


class Stage(Enum):
    """Where a model is on its way in and out of memory."""

    ABSENT = "absent"
    LOADING = "loading"
    RESIDENT = "resident"
    DRAINING = "draining"
    LEAVING = "leaving"


WAYS: Mapping[Stage, tuple[Stage, ...]] = {
    Stage.ABSENT: (Stage.LOADING,),
    Stage.LOADING: (Stage.RESIDENT, Stage.ABSENT),
    Stage.RESIDENT: (Stage.DRAINING,),
    Stage.DRAINING: (Stage.LEAVING,),
    Stage.LEAVING: (Stage.ABSENT,),
}
"""Stage → what may follow; only RESIDENT takes new requests."""

WIRE: Mapping[Stage, State] = {
    Stage.ABSENT: "UNAVAILABLE",
    Stage.LOADING: "LOADING",
    Stage.RESIDENT: "READY",
    Stage.DRAINING: "UNLOADING",
    Stage.LEAVING: "UNLOADING",
}


class Host(Protocol):
    """The queue of a model, which stays while its backend comes and goes."""

    @property
    def busy(self) -> bool:
        """Whether the backend computes at this moment, for somebody or for nobody."""
        ...

    def seat(self, backend: Backend | None) -> None:
        """Run on `backend` from now on; None: there is none, and nobody will ask."""
        ...

    async def drained(self) -> None:
        """Return when the backend does not compute any more."""
        ...


@dataclass(frozen=True, slots=True)
class Tenant:
    """A model version that may be loaded here.

    `key`: unique on the replica, as "NAME:VERSION". `digest`: of its file and of what runs
    it; crashes are counted, and sizes remembered, by it. `size_bytes`: its file's. `open`:
    blocking, called in a thread; returns when requests would be fast, and if it is told to
    be `full`, when the backend has taken all the memory that requests will make it take.
    `runtime`: what it is opened on, by name. `peak_bytes`: what a process grew by at most
    while it was measured for its card, on that runtime, far more than a load keeps; None:
    the card does not say.
    """

    key: str
    name: str
    digest: str
    size_bytes: int
    open: Callable[[bool], Backend]
    host: Host
    runtime: str = ""
    peak_bytes: int | None = None


@dataclass(frozen=True, slots=True)
class Standing:
    """What is known of one model version on this replica.

    `answers`: a request would be answered, at once or after a load.
    """

    key: str
    state: State
    reason: str
    resident_bytes: int
    device_bytes: int
    answers: bool
    runtime: str = ""


Outcome = LoadFailed | None
"""How a way in or out ended; None: well, or nobody wants it any more."""


@dataclass(slots=True, eq=False)
class Seat:
    """What a replica keeps of a tenant, loaded or not.

    `ready`: a request may go straight to the host; false as soon as it is to leave.
    `holds`: requests that are with it; `waiting`: those that wait for it. `watched`:
    somebody waits for the last hold to end. `size`: what is counted for it, from the
    moment that it may load. `task`: its way in or out, while there is one. `began_s`:
    when its latest load began, `least_load_s` what the shortest of all took; 0: none.
    `probes`: its way in was begun for a request that no load so far was short enough for.
    """

    tenant: Tenant
    demand: Demand = field(default_factory=Demand)
    tally: Tally = field(default_factory=Tally)
    stage: Stage = Stage.ABSENT
    ready: bool = False
    holds: int = 0
    waiting: int = 0
    uses: int = 0
    used_s: float = 0.0
    since_s: float = 0.0
    began_s: float = 0.0
    least_load_s: float = 0.0
    probes: bool = False
    watched: bool = False
    unloaded: bool = False
    failure: Failure | None = None
    size: Room = field(default_factory=Room)
    reload_s: float = 0.0
    note: str = ""
    backend: Backend | None = None
    task: "asyncio.Task[Outcome] | None" = None

    @property
    def key(self) -> str:
        """The tenant's."""
        return self.tenant.key

    @property
    def in_use(self) -> bool:
        """Whether somebody's request is with it or comes, or a run goes on."""
        return self.holds > 0 or self.waiting > 0 or self.tenant.host.busy

    def move(self, to: Stage) -> None:
        """Go on to the next stage.

        Raises:
            ValueError: there is no way from here to there.
        """
        if to not in WAYS[self.stage]:
            raise ValueError(
                f"{self.key}: cannot be {to.value} after {self.stage.value}"
            )
        self.stage = to
        self.ready = to is Stage.RESIDENT

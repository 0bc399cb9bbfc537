"""Controls as an operator's door sees them: one that remembers, one that acts."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from deployments.control import (
    BatchStatistic,
    Duration,
    Indexed,
    ModelStatistics,
    ReplicaState,
)
from deployments.errors import InvalidInput, LoadFailed, ModelNotFound
from deployments.logs import write_from
from deployments.messages import Contract
from deployments.statistics import KEYS, of_batcher, pick
from tests.fakes_protocol import FakeService

BROKEN = "broken"
"""The catalogue of the fake has this model; it never loads."""

TOLD = ModelStatistics(
    "scorer",
    "3",
    last_inference_ms=1_700_000_000_123,
    inference_count=12,
    execution_count=4,
    inference_stats={
        key: Duration(count, 1000 * count) for count, key in enumerate(KEYS)
    },
    batch_stats=(BatchStatistic(3, Duration(4, 40), Duration(4, 400), Duration(4, 4)),),
    memory_bytes={"CPU": 2**33, "GPU": 5},
    ensemble={"rows": 3, "exits": {"1": 2}},
    residency={"hits": 2, "failed_loads": 1, "resident": {"openvino": 1}},
)


class FakeControl:
    """Implements `deployments.control.Control`; remembers what it was asked.

    Attributes:
        loaded: name and override of every load that worked.
        unloaded: name and whether dependents go along, of every unload.
        logged: the levels from which replicas were to write their logs.
    """

    def __init__(self) -> None:
        self.loaded: list[tuple[str, Mapping[str, object] | None]] = []
        self.unloaded: list[tuple[str, bool]] = []
        self.logged: list[int] = []
        self._index = {
            "adder": Indexed(
                "adder",
                "1",
                "READY",
                replicas=(
                    ReplicaState("a", "READY", resident_bytes=7, runtime="openvino"),
                    ReplicaState("b", "LOADING", "loads since 2 s"),
                ),
            ),
            "scorer": Indexed(
                "scorer", "3", "READY", replicas=(ReplicaState("a", "READY"),)
            ),
            BROKEN: Indexed(BROKEN, "1", "UNAVAILABLE", "its file is damaged"),
        }

    async def index(self, ready_only: bool = False) -> Sequence[Indexed]:
        found = self._index.values()
        return [one for one in found if one.state == "READY" or not ready_only]

    async def load(
        self, name: str, override: Mapping[str, object] | None = None
    ) -> None:
        if name not in self._index:
            raise ModelNotFound(name)
        if name == BROKEN:
            raise LoadFailed(name, "its file is damaged", 5.0)
        _check(name, override)
        self.loaded.append((name, override))

    async def unload(self, name: str, dependents: bool = False) -> None:
        self.unloaded.append((name, dependents))

    async def log(self, level: int) -> None:
        self.logged.append(level)

    async def statistics(
        self, name: str = "", version: str = ""
    ) -> Sequence[ModelStatistics]:
        adder = replace(TOLD, name="adder", version="1")
        return pick([adder, TOLD], name, version)


class LiveControl:
    """A control of a fake service, whose names come and go and count."""

    def __init__(self, service: FakeService) -> None:
        self._service = service
        self._contracts = {one.name: one for one in service.contracts()}

    async def index(self, ready_only: bool = False) -> Sequence[Indexed]:
        return [
            self._indexed(contract)
            for name, contract in self._contracts.items()
            if name not in self._service.gone or not ready_only
        ]

    async def load(
        self, name: str, override: Mapping[str, object] | None = None
    ) -> None:
        if name not in self._contracts:
            raise ModelNotFound(name)
        _check(name, override)
        self._service.gone.discard(name)

    async def unload(self, name: str, dependents: bool = False) -> None:
        self._service.gone.add(name)

    async def log(self, level: int) -> None:
        write_from(level)

    async def statistics(
        self, name: str = "", version: str = ""
    ) -> Sequence[ModelStatistics]:
        told = [
            of_batcher(name, self._contracts[name].version, tally.stats)
            for name, tally in self._service.tallies.items()
        ]
        return pick(told, name, version)

    def _indexed(self, contract: Contract) -> Indexed:
        gone = contract.name in self._service.gone
        return Indexed(
            contract.name,
            contract.version,
            "UNAVAILABLE" if gone else "READY",
            "unloaded" if gone else "",
        )


def _check(name: str, override: Mapping[str, object] | None) -> None:
    if not isinstance((override or {}).get("max_batch_size", 1), int):
        raise InvalidInput(name, f"{name}: max_batch_size must be an integer")

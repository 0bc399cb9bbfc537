"""What a station starts beside its models, without Ray."""

import asyncio

import pytest

from configs.pool import PoolSpec
from deployments.graph import Graph
from deployments.repository.board import Board, mark_of
from deployments.repository.reports import Place
from deployments.residency.residency import Residency
from deployments.slots import Slots
from deployments.station import Station
from tests.fakes import EchoNode
from tests.fakes_control import MemoryKeys, a_blueprint
from tests.tiny_models import build_tiny_store, make_tiny_catalogue

POOL = "pool"


class Watched(Residency):
    """Remembers who foresees, and whether it looks."""

    def __init__(self, spec):
        super().__init__(spec)
        self.forecasts = []
        self.looked = asyncio.Event()

    def foresee(self, forecast):
        self.forecasts.append(forecast)
        super().foresee(forecast)

    def accounts(self):
        self.looked.set()
        return super().accounts()


@pytest.fixture
def open_station(tmp_path):
    root = make_tiny_catalogue(tmp_path)
    store = build_tiny_store(root, tmp_path / "store")

    def opened(**said):
        pools = {POOL: PoolSpec(models=("*",), **said)}
        blueprint = a_blueprint(root, store, pools)
        residency = Watched(blueprint.pools[POOL])
        graph = Graph(blueprint, POOL, Slots(1), lambda *to: EchoNode(), residency)
        board = Board(MemoryKeys(), mark_of(blueprint))
        station = Station(blueprint, Place(POOL, f"{POOL}-0"), graph, board)
        station.begin()
        station.watch()
        return station, residency

    return opened


async def test_pool_that_loads_on_demand_looks_ahead_of_its_requests(open_station):
    station, residency = open_station(memory_bytes=1 << 40)

    await asyncio.wait_for(residency.looked.wait(), 60)

    assert len(residency.forecasts) == 1
    await station.graph.close()


async def test_pool_that_has_loaded_all_at_start_has_nothing_to_foresee(open_station):
    station, residency = open_station()

    assert residency.forecasts == []
    await station.graph.close()

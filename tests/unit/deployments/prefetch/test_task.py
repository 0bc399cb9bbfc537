"""A model is resident before its burst."""

from deployments.control import State
from deployments.prefetch.task import Prefetch
from deployments.residency.demand import Forecast
from deployments.residency.seat import Standing
from deployments.residency.stats import Account, Tally
from tests.unit.deployments.prefetch.test_expected import (
    BURST_AT_S,
    BURST_S,
    PERIOD_S,
    RATE,
)
from tests.unit.deployments.prefetch.test_expected import Traffic as Bursts

KEY = "bursty:1#aa"


class Shelf:
    """A residency of one model, which leaves when its burst is over."""

    def __init__(self):
        self.uses, self.is_loaded = 0, False
        self.forecasts: list[Forecast] = []

    def accounts(self):
        return [Account(KEY, self.uses, Tally(), 0, 0)]

    def states(self):
        state: State = "READY" if self.is_loaded else "UNAVAILABLE"
        return [Standing(KEY, state, "", 0, 0, answers=True)]

    def foresee(self, forecast):
        self.forecasts.append(forecast)

    async def prefetch(self, keys):
        self.is_loaded = True
        return keys


async def test_model_is_loaded_before_its_burst_and_not_for_nothing():
    shelf = Shelf()
    bursts = Bursts(None)
    prefetch = Prefetch(shelf, bursts.now)
    loaded_at, cold_bursts = [], []
    for second in range(7 * PERIOD_S):
        bursts.second = second
        phase = second % PERIOD_S
        if phase == BURST_AT_S:
            cold_bursts.append(not shelf.is_loaded)
        if 0 <= phase - BURST_AT_S < BURST_S:
            shelf.is_loaded = True
            shelf.uses += RATE
        if phase == BURST_AT_S + 60:
            shelf.is_loaded = False
        # Three bursts are few to learn from: what is tried before may be for nothing.
        if await prefetch.look() and second >= 3 * PERIOD_S:
            loaded_at.append(phase)

    assert cold_bursts[-2:] == [False, False]
    assert loaded_at
    assert all(BURST_AT_S - 25 <= phase < BURST_AT_S for phase in loaded_at)


async def test_residency_is_told_whom_to_ask():
    shelf = Shelf()

    Prefetch(shelf)

    (forecast,) = shelf.forecasts
    assert forecast.expect(KEY, 0.0, 30.0) is None

"""A replica with room for two of three models; one is asked in bursts, every five minutes."""

from deployments.prefetch.task import Prefetch
from tests.fakes_residency import Pool
from tests.unit.deployments.prefetch.test_expected import (
    BURST_AT_S,
    BURST_S,
    PERIOD_S,
    RATE,
)
from tests.unit.deployments.prefetch.test_expected import Traffic as Moments

PERIODS = 7
SIZES = {"bursty": 10, "x": 10, "y": 10}


async def replay(is_ahead: bool) -> list[int]:
    """By period: how many requests of the burst did not find their model."""
    pool, moments = Pool(SIZES, memory_bytes=20), Moments(None)
    prefetch = Prefetch(pool.residency, moments.now)
    missed = []
    for second in range(PERIODS * PERIOD_S):
        moments.second, phase = second, second % PERIOD_S
        pool.clock.now_s = 1000.0 + second
        before = pool.seats["bursty"].tally.misses
        if 0 <= phase - BURST_AT_S < BURST_S:
            for _ in range(RATE):
                await pool.use("bursty")
        elif second % 10 == 0:
            await pool.use("x")
            await pool.use("y")
        if phase == 0:
            missed.append(0)
        missed[-1] += pool.seats["bursty"].tally.misses - before
        if is_ahead:
            await prefetch.look()
    await pool.residency.close()
    return missed


async def test_burst_finds_its_model_loaded_once_its_period_is_known():
    without, ahead = await replay(is_ahead=False), await replay(is_ahead=True)

    assert without == [1] * PERIODS
    assert ahead[-2:] == [0, 0]

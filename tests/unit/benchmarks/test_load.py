"""The loops of the load generator, with callers that need no network."""

import asyncio

from benchmarks.load import closed_loop, open_loop


class Server:
    """Answers at once, counts how many requests are in flight, fails when told."""

    def __init__(self, error: str | None = None) -> None:
        self.error, self.calls, self.in_flight, self.most = error, 0, 0, 0

    async def __call__(self) -> str | None:
        self.calls += 1
        self.in_flight += 1
        self.most = max(self.most, self.in_flight)
        await asyncio.sleep(0)
        self.in_flight -= 1
        return self.error


class StalledServer:
    """Answers nobody until everybody has asked."""

    def __init__(self, everybody: int) -> None:
        self.everybody, self.calls = everybody, 0
        self.opened = asyncio.Event()

    async def __call__(self) -> str | None:
        self.calls += 1
        if self.calls == self.everybody:
            self.opened.set()
        await self.opened.wait()
        return None


async def test_closed_loop_keeps_no_more_in_flight_than_it_has_callers():
    server = Server()

    record = await closed_loop(server, concurrency=3, duration_s=0.02)

    assert server.most == 3
    assert 0 < len(record.latencies_ms) <= server.calls


async def test_closed_loop_counts_failures_apart_from_latencies():
    record = await closed_loop(Server("http 503"), concurrency=2, duration_s=0.01)

    assert record.latencies_ms == []
    assert record.errors["http 503"] > 0


async def test_open_loop_does_not_wait_for_answers():
    """A generator that waited would never send the second request."""
    server = StalledServer(everybody=5)

    record = await open_loop(server, [0.0] * 5, drain_s=5.0)

    assert len(record.latencies_ms) == 5
    assert not record.errors


async def test_latency_of_an_open_loop_counts_from_the_intended_send():
    """The stalled time before the last request belongs to the first one's latency."""
    server = StalledServer(everybody=2)

    record = await open_loop(server, [0.0, 0.05], drain_s=5.0)

    assert max(record.latencies_ms) >= 50.0
    assert len(record.lag_ms) == 2


async def test_what_is_not_answered_in_time_is_an_error():
    server = StalledServer(everybody=99)

    record = await open_loop(server, [0.0, 0.0], drain_s=0.01)

    assert record.latencies_ms == []
    assert record.errors == {"unanswered": 2}


async def test_empty_schedule_is_no_load():
    record = await open_loop(Server(), [], drain_s=1.0)

    assert record.latencies_ms == []

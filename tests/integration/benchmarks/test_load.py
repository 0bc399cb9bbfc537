"""The load generator as a process, against real servers on loopback."""

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import grpc
import pytest

from benchmarks.child import ChildFailed, run_child
from benchmarks.facts import ClosedLoop, GrpcTarget, HttpTarget, LoadJob, OpenLoop

LIMIT_S = 60.0


@pytest.fixture
async def grpc_address() -> AsyncIterator[str]:
    """Answers `/test.Echo/Say` with the message as it came."""

    async def say(message: bytes, _: object) -> bytes:
        return message

    server = grpc.aio.server()
    methods = {"Say": grpc.unary_unary_rpc_method_handler(say)}
    server.add_generic_rpc_handlers(
        (grpc.method_handlers_generic_handler("test.Echo", methods),)
    )
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    yield f"127.0.0.1:{port}"
    await server.stop(None)


@pytest.fixture
def body(tmp_path: Path) -> Path:
    file = tmp_path / "body"
    file.write_bytes(b"x" * 1000)
    return file


async def measured(job: LoadJob, clock: Callable[[], dict[str, float]]):
    return await asyncio.to_thread(run_child, "benchmarks.load", job, LIMIT_S, clock)


async def test_closed_loop_over_http_counts_good_answers(http_url, body):
    ticks = iter([{"server": 1.0}, {"server": 3.5, "late": 0.5}])
    job = LoadJob(
        target=HttpTarget(url=f"{http_url}/echo"),
        body=body,
        loop=ClosedLoop(concurrency=4),
        warmup_s=0.1,
        duration_s=0.5,
    )

    outcome, grown = await measured(job, lambda: next(ticks))

    assert len(outcome.latencies_ms) > 20
    assert not outcome.errors
    assert outcome.elapsed_s == 0.5
    assert grown == {"server": 2.5, "late": 0.5}


async def test_open_loop_over_grpc_sends_the_offered_rate(grpc_address, body):
    job = LoadJob(
        target=GrpcTarget(address=grpc_address, method="/test.Echo/Say"),
        body=body,
        loop=OpenLoop(rate_per_s=100, seed=1),
        warmup_s=0.1,
        duration_s=1.0,
    )

    outcome, _ = await measured(job, dict)

    assert 60 < len(outcome.latencies_ms) < 140
    assert len(outcome.lag_ms) == len(outcome.latencies_ms)
    assert not outcome.errors


async def test_refusals_and_dead_servers_are_errors_with_a_name(http_url, body):
    job = LoadJob(
        target=HttpTarget(url=f"{http_url}/full"),
        body=body,
        loop=ClosedLoop(concurrency=1),
        warmup_s=0,
        duration_s=0.2,
    )
    dead = job.model_copy(update={"target": HttpTarget(url="http://127.0.0.1:9/")})

    refused, _ = await measured(job, dict)
    unreachable, _ = await measured(dead, dict)

    assert set(refused.errors) == {"http 503"}
    assert set(unreachable.errors) == {"ConnectionRefusedError"}
    assert refused.latencies_ms == unreachable.latencies_ms == ()


async def test_process_that_cannot_read_its_body_is_reported(http_url, tmp_path):
    job = LoadJob(
        target=HttpTarget(url=f"{http_url}/echo"),
        body=tmp_path / "missing",
        loop=ClosedLoop(concurrency=1),
        warmup_s=0,
        duration_s=0.1,
    )

    with pytest.raises(ChildFailed, match=r"benchmarks\.load ended with"):
        await measured(job, dict)

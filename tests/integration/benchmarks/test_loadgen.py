"""MLPerf LoadGen as a process, against a real server on loopback."""

import asyncio
from pathlib import Path

import pytest

from benchmarks.child import Child, watched
from benchmarks.facts import HttpTarget
from benchmarks.peers.facts import ServerJob, Trial

pytest.importorskip("mlperf_loadgen", reason="published for Linux on x86_64 only")

LIMIT_S = 120.0
QUERIES = 50


async def run(url: str, folder: Path) -> Trial:
    body = folder / "body"
    body.write_bytes(b"x" * 1000)
    job = ServerJob(
        target=HttpTarget(url=url),
        body=body,
        logs=folder / "logs",
        target_qps=200.0,
        slo_ms=60_000.0,
        seed=1,
        warmup_s=0.0,
        min_duration_s=0.1,
        min_queries=QUERIES,
    )

    def measure() -> Trial:
        with Child("benchmarks.peers.loadgen", job, LIMIT_S) as child:
            return watched(child, Trial, dict)[0]

    return await asyncio.to_thread(measure)


async def test_every_query_of_loadgen_is_sent_and_answered(http_url, tmp_path):
    trial = await run(f"{http_url}/echo", tmp_path)

    assert trial.target_qps == 200.0
    assert trial.queries >= QUERIES
    assert trial.errors == {}
    assert 0 < trial.p50_ms <= trial.p90_ms <= trial.p99_ms


async def test_failures_are_counted_though_loadgen_does_not_know_them(
    http_url, tmp_path
):
    trial = await run(f"{http_url}/full", tmp_path)

    assert trial.errors == {"http 503": trial.queries}
    assert not trial.within

"""MLPerf LoadGen's Server scenario in a process of its own.

LoadGen decides when a query is due and takes the time; what is here sends it. LoadGen's
thread hands a query over and returns at once; an event loop in another thread has the
connections. Run as `python -m benchmarks.peers.loadgen` with a `ServerJob` on stdin.
"""

import asyncio
import time
from collections import Counter
from pathlib import Path
from typing import Any

import mlperf_loadgen
import uvloop

from benchmarks.child import answer, await_go, read_job
from benchmarks.clients import Call, Caller
from benchmarks.facts import ClosedLoop, LoadJob
from benchmarks.load import closed_loop
from benchmarks.peers.detail import read_detail, trial_of
from benchmarks.peers.facts import ServerJob, Trial

_WARMUP_CONCURRENCY = 8
_SAMPLES = 16
"""LoadGen wants a library of samples; all of ours are the one photo."""


class Sender:
    """The callers' event loop, in a thread; counts what failed."""

    def __init__(self, call: Call) -> None:
        self._call, self._loop = call, asyncio.get_running_loop()
        self._under_way: set[asyncio.Task[None]] = set()
        self.errors: Counter[str] = Counter()

    def issue(self, samples: list[Any]) -> None:
        """LoadGen's side: called in its thread, returns at once."""
        for sample in samples:
            self._loop.call_soon_threadsafe(self._start, sample.id)

    def _start(self, sample: int) -> None:
        task = self._loop.create_task(self._send(sample))
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)

    async def _send(self, sample: int) -> None:
        error = await self._call()
        if error is not None:
            self.errors[error] += 1
        # A failure is an answer too: LoadGen would wait for it for ever.
        done = mlperf_loadgen.QuerySampleResponse(sample, 0, 0)
        mlperf_loadgen.QuerySamplesComplete([done])


async def run(job: ServerJob) -> Trial:
    """Warm up, wait for the signal, let LoadGen run.

    Raises:
        NoResult: LoadGen ended early.
    """
    load = LoadJob(
        target=job.target,
        body=job.body,
        loop=ClosedLoop(concurrency=_WARMUP_CONCURRENCY),
        warmup_s=job.warmup_s,
        duration_s=job.min_duration_s,
        timeout_s=job.timeout_s,
    )
    async with Caller(load) as call:
        await closed_loop(call, _WARMUP_CONCURRENCY, job.warmup_s)
        await asyncio.to_thread(await_go)
        sender = Sender(call)
        started_s, cpu_started_s = time.monotonic(), time.process_time()
        await asyncio.to_thread(_start_test, job, sender)
        cores = (time.process_time() - cpu_started_s) / (time.monotonic() - started_s)
    detail = (job.logs / "mlperf_log_detail.txt").read_text(encoding="utf-8")
    trial = trial_of(read_detail(detail), job.slo_ms)
    return trial.model_copy(
        update={"errors": dict(sender.errors), "client_cores": cores}
    )


def _start_test(job: ServerJob, sender: Sender) -> None:
    job.logs.mkdir(parents=True, exist_ok=True)
    system = mlperf_loadgen.ConstructSUT(sender.issue, _nothing)
    library = mlperf_loadgen.ConstructQSL(_SAMPLES, _SAMPLES, _ignore, _ignore)
    try:
        mlperf_loadgen.StartTestWithLogSettings(
            system, library, _settings(job), _log_settings(job.logs), ""
        )
    finally:
        mlperf_loadgen.DestroyQSL(library)
        mlperf_loadgen.DestroySUT(system)


def _settings(job: ServerJob) -> Any:
    settings = mlperf_loadgen.TestSettings()
    settings.scenario = mlperf_loadgen.TestScenario.Server
    settings.mode = mlperf_loadgen.TestMode.PerformanceOnly
    settings.server_target_qps = job.target_qps
    settings.server_target_latency_ns = int(job.slo_ms * 1e6)
    settings.server_target_latency_percentile = 0.99
    settings.server_coalesce_queries = False
    settings.min_duration_ms = int(job.min_duration_s * 1000)
    settings.min_query_count = job.min_queries
    settings.qsl_rng_seed = job.seed
    settings.sample_index_rng_seed = job.seed
    settings.schedule_rng_seed = job.seed
    return settings


def _log_settings(folder: Path) -> Any:
    output = mlperf_loadgen.LogOutputSettings()
    output.outdir = str(folder)
    output.copy_summary_to_stdout = False
    settings = mlperf_loadgen.LogSettings()
    settings.log_output = output
    settings.enable_trace = False
    return settings


def _nothing() -> None:
    """Every query is sent as it comes: there is nothing to flush."""


def _ignore(_: list[int]) -> None:
    """The samples are in memory already."""


def main() -> None:
    """Answer one job."""
    uvloop.install()
    answer(asyncio.run(run(ServerJob.model_validate_json(read_job()))))


if __name__ == "__main__":
    main()

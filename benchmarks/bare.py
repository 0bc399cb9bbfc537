"""The bare loop, run as a process of its own: `python -m benchmarks.bare`.

The same runtime, options and number of threads as a replica's, and nothing between the
input in memory and the model: the most that any server on this machine could reach.
"""

import threading
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks.child import answer, await_go, read_job
from benchmarks.facts import BareJob, BareModel, Outcome
from benchmarks.sessions import input_name, open_sessions
from configs.model import ImageSpec
from deployments.voting import top_k
from models.ensembles import soft_vote
from models.imaging import crop, decode, normalise

Work = Callable[[], Any]
"""One request's work; its answer is whatever the runtime or the vote gives."""

_MAX_PIXELS = 40_000_000
_TOP_K = 5


def model_work(model: BareModel, body: bytes, batch: int = 1) -> Work:
    """One run of one model on `batch` times a FP32 input that is ready in memory."""
    (session,) = open_sessions((model,), threads=1)
    name = input_name(session)
    shape = [1, *session.get_inputs()[0].shape[1:]]
    pixels = np.frombuffer(body, np.float32).reshape(shape).repeat(batch, axis=0)
    return lambda: session.run(None, {name: pixels})


def pipeline_work(models: tuple[BareModel, ...], photo: bytes) -> Work:
    """Decode, crop, normalise, every model, vote and top-k of one encoded photo."""
    sessions = open_sessions(models, threads=1)
    images = [image_of(model) for model in models]
    weights = [model.weight for model in models]

    def work() -> Any:
        opened = decode(photo, _MAX_PIXELS)
        logits = [
            session.run(
                None,
                {input_name(session): normalise(crop(opened, image)[None], image)},
            )[0]
            for session, image in zip(sessions, images, strict=True)
        ]
        return top_k(soft_vote(logits, weights), _TOP_K)

    return work


def image_of(model: BareModel) -> ImageSpec:
    """The image spec of a model of a pipeline.

    Raises:
        ValueError: it has none.
    """
    if model.image is None:
        raise ValueError(
            f"{model.file.name}: a model of a pipeline needs an image spec"
        )
    return model.image


def repeat_on_threads(work: Work, threads: int, duration_s: float) -> list[float]:
    """Latencies in ms of `work` done over and over on every thread for that long."""
    latencies: list[list[float]] = [[] for _ in range(threads)]
    ends_s = time.monotonic() + duration_s

    def loop(mine: list[float]) -> None:
        while (started_s := time.monotonic()) < ends_s:
            work()
            ended_s = time.monotonic()
            if ended_s <= ends_s:
                mine.append(1000 * (ended_s - started_s))

    workers = [threading.Thread(target=loop, args=(mine,)) for mine in latencies]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    return [latency for mine in latencies for latency in mine]


def run(job: BareJob) -> Outcome:
    """Warm up, wait for the signal, loop."""
    body = job.body.read_bytes()
    if job.models[0].image is None:
        work = model_work(job.models[0], body, job.batch)
    else:
        work = pipeline_work(job.models, body)
    repeat_on_threads(work, job.threads, job.warmup_s)
    await_go()
    cpu_started_s = time.process_time()
    latencies = repeat_on_threads(work, job.threads, job.duration_s)
    return Outcome(
        latencies_ms=tuple(latencies),
        elapsed_s=job.duration_s,
        client_cpu_s=time.process_time() - cpu_started_s,
    )


if __name__ == "__main__":
    answer(run(BareJob.model_validate_json(read_job())))

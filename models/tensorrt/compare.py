"""An engine beside ONNX Runtime's CUDA provider: the same rows, in turns."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from models.card import LatencyFact
from models.errors import ToolFailed
from models.statistics import latency_fact

Floats = NDArray[np.float32]

WARM_RUNS, RUNS = 10, 100
PROVIDER = "CUDAExecutionProvider"


class Answers(Protocol):
    """What answers rows with logits."""

    def logits(self, rows: Floats) -> Floats:
        """[n, classes]."""
        ...


@dataclass(frozen=True, slots=True)
class Comparison:
    """Both timed alike, copies to and from the GPU included, and how far they agree."""

    engine: tuple[LatencyFact, ...]
    onnx: tuple[LatencyFact, ...]
    agreement: float
    largest_difference: float


class CudaSession:
    """One ONNX model on ONNX Runtime's CUDA provider, and on nothing else."""

    def __init__(self, model: Path, runtime: Any) -> None:
        options = runtime.SessionOptions()
        options.log_severity_level = 3
        self._session = runtime.InferenceSession(
            str(model), options, providers=[PROVIDER]
        )
        # Without CUDA it would run on CPU and say so in a log only.
        if PROVIDER not in self._session.get_providers():
            reason = f"{PROVIDER} did not start; install onnxruntime-gpu and its CUDA"
            raise ToolFailed("onnxruntime", "starting on the GPU", reason)
        self._input = self._session.get_inputs()[0].name

    def logits(self, rows: Floats) -> Floats:
        """The first output for `rows` of the first input, [n, classes]."""
        answer = self._session.run(None, {self._input: rows})[0]
        return np.asarray(answer, dtype=np.float32)


def compare(
    engine: Answers, onnx: Answers, rows: Floats, batches: Sequence[int]
) -> Comparison:
    """Time both on the first rows of each batch size; compare them on all `rows`."""
    timed = [timed_in_turns((engine, onnx), rows[:size]) for size in batches]
    ours, theirs = engine.logits(rows), onnx.logits(rows)
    return Comparison(
        engine=tuple(pair[0] for pair in timed),
        onnx=tuple(pair[1] for pair in timed),
        agreement=float((ours.argmax(1) == theirs.argmax(1)).mean()),
        largest_difference=float(np.abs(ours - theirs).max()),
    )


def timed_in_turns(
    contenders: Sequence[Answers],
    rows: Floats,
    clock: Callable[[], float] = time.perf_counter,
) -> tuple[LatencyFact, ...]:
    """One run of each after the other, so that what disturbs one disturbs all."""
    spent_ms: list[list[float]] = [[] for _ in contenders]
    for run in range(WARM_RUNS + RUNS):
        for contender, times in zip(contenders, spent_ms, strict=True):
            started_s = clock()
            contender.logits(rows)
            if run >= WARM_RUNS:
                times.append(1000 * (clock() - started_s))
    return tuple(latency_fact(times, len(rows), threads=1) for times in spent_ms)

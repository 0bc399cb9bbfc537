"""A variant run on this machine, for evaluation and for its card; not for serving."""

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from configs.model import FrontEnd
from models.card import LatencyFact
from models.imaging import Pixels, normalise
from models.progress import Progress, silent
from models.statistics import latency_fact

Floats = NDArray[np.float32]

BATCH = 32
WARM_RUNS, MIN_RUNS, MAX_RUNS, BUDGET_S = 2, 5, 100, 1.5

_DATATYPES: Mapping[str, str] = {
    "tensor(float)": "FP32",
    "tensor(float16)": "FP16",
    "tensor(double)": "FP64",
    "tensor(uint8)": "UINT8",
    "tensor(int8)": "INT8",
    "tensor(int32)": "INT32",
    "tensor(int64)": "INT64",
    "tensor(bool)": "BOOL",
    "tensor(string)": "BYTES",
}


class Runner:
    """One ONNX model (a file or its bytes) on CPU; `threads` 0 takes all cores.

    `exact` runs it as it is written, nothing fused: quantized layers then compute in
    float, with the same answer on every CPU. Slow; the reference for what serves.
    """

    def __init__(
        self, model: Path | bytes, threads: int = 0, exact: bool = False
    ) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        if exact:
            levels = onnxruntime.GraphOptimizationLevel
            options.graph_optimization_level = levels.ORT_DISABLE_ALL
        options.log_severity_level = 3
        self._session = onnxruntime.InferenceSession(
            model if isinstance(model, bytes) else str(model),
            options,
            providers=["CPUExecutionProvider"],
        )
        self._input = self._session.get_inputs()[0].name

    def logits(self, rows: Floats) -> Floats:
        """The first output for `rows` of the first input, [n, classes]."""
        answer: Floats = self._session.run(None, {self._input: rows})[0]
        return answer

    def tensors_for(self, rows: Floats) -> Mapping[str, Floats]:
        """Every output by name, and `rows` under the name of the input."""
        names = [output.name for output in self._session.get_outputs()]
        answers = self._session.run(names, {self._input: rows})
        return {self._input: rows, **dict(zip(names, answers, strict=True))}

    def answers(self, feeds: Mapping[str, NDArray[Any]]) -> list[NDArray[Any]]:
        """Every output for every input, in the order of the graph."""
        found: list[NDArray[Any]] = self._session.run(None, dict(feeds))
        return found

    def inputs(self) -> list[tuple[str, str, tuple[int, ...]]]:
        """The inputs among `tensors`."""
        return self.tensors()[: len(self._session.get_inputs())]

    def tensors(self) -> list[tuple[str, str, tuple[int, ...]]]:
        """Name, datatype and shape (-1: varies) of each input, then of each output."""
        return [
            (
                node.name,
                _DATATYPES.get(node.type, node.type),
                tuple(size if isinstance(size, int) else -1 for size in node.shape),
            )
            for node in (*self._session.get_inputs(), *self._session.get_outputs())
        ]


def logits_of_crops(
    runner: Runner, crops: Pixels, spec: FrontEnd, progress: Progress = silent
) -> Floats:
    """The logits of every crop [n, h, w, c], [n, classes]."""
    answers = []
    for start in range(0, len(crops), BATCH):
        answers.append(runner.logits(normalise(crops[start : start + BATCH], spec)))
        progress("evaluate", min(start + BATCH, len(crops)), len(crops))
    return np.concatenate(answers)


def latency(model: Path, rows: Floats, threads: int = 1) -> LatencyFact:
    """Time runs of `rows` as one batch, within `BUDGET_S` if it can."""
    return latencies([model], rows, threads)[0]


def latencies(
    models: Sequence[Path], rows: Floats, threads: int = 1
) -> list[LatencyFact]:
    """Time several models in turns: what else the machine does falls on all alike."""
    runners = [Runner(model, threads) for model in models]
    for runner in runners * WARM_RUNS:
        runner.logits(rows)
    spent_ms: list[list[float]] = []
    while len(spent_ms) < MIN_RUNS or (
        sum(map(sum, spent_ms)) < 1000 * BUDGET_S * len(runners)
        and len(spent_ms) < MAX_RUNS
    ):
        spent_ms.append([_run_ms(runner, rows) for runner in runners])
    return [
        latency_fact(column, len(rows), threads)
        for column in zip(*spent_ms, strict=True)
    ]


def _run_ms(runner: Runner, rows: Floats) -> float:
    started_s = time.perf_counter()
    runner.logits(rows)
    return 1000 * (time.perf_counter() - started_s)

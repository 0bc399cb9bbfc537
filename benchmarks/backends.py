"""What runtimes and their options cost on this CPU: `python -m benchmarks.backends`.

Every way of running a model gets the same rows in turns, so that what else the machine
does falls on all alike. Times are of the CPU, of all threads of the process, and so do
not grow when others use the machine; a way that takes two threads is not cheaper for it.
"""

import argparse
import asyncio
import statistics
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from configs.model import BatchingSpec
from deployments.backends.base import Backend
from deployments.backends.cuda import CudaBackend
from deployments.backends.litert import LitertBackend
from deployments.backends.opening import open_backend
from deployments.backends.preference import Site, find_here
from deployments.control import ModelStatistics
from deployments.messages import Request, Tensor
from deployments.model import Model
from deployments.slots import Slots
from deployments.statistics import of_batcher
from models.card import Card
from models.store import Store

BATCHES, WARM = (1, 8, 16), 3

Set = Callable[[onnxruntime.SessionOptions], None]


class Session:
    """The model as it is stored, opened with changed options."""

    def __init__(self, model: Path, change: Set) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = 3
        change(options)
        self._session = onnxruntime.InferenceSession(
            str(model), options, providers=["CPUExecutionProvider"]
        )
        self._outputs = [output.name for output in self._session.get_outputs()]

    def run(self, inputs: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
        """See `Backend.run`."""
        answers = self._session.run(self._outputs, dict(inputs))
        return dict(zip(self._outputs, answers, strict=True))


def arena_off(options: onnxruntime.SessionOptions) -> None:
    """Memory is taken from the system for every run."""
    options.enable_cpu_mem_arena = False


def pattern_off(options: onnxruntime.SessionOptions) -> None:
    """The layout of a run's memory is not planned from the one before."""
    options.enable_mem_pattern = False


def denormals_off(options: onnxruntime.SessionOptions) -> None:
    """Floats that are nearly zero become zero."""
    options.add_session_config_entry("session.set_denormal_as_zero", "1")


def two_threads(options: onnxruntime.SessionOptions) -> None:
    """One run uses two cores."""
    options.intra_op_num_threads = 2


CHANGES: Mapping[str, Set] = {
    "arena off": arena_off,
    "memory pattern off": pattern_off,
    "denormals are zero": denormals_off,
    "two threads": two_threads,
}


def ways(card: Card, store: Store, litert: Sequence[Path]) -> dict[str, Backend]:
    """Every way of running `card`, the one served on ONNX Runtime first."""
    model = store.file(card.model_file)
    found: dict[str, Backend] = {
        "as served": open_backend(card, store, Site(wanted="onnx")),
        "the file itself": Session(model, lambda options: None),
        "bound": CudaBackend(model, "CPUExecutionProvider"),
    }
    found.update({name: Session(model, set_) for name, set_ in CHANGES.items()})
    if find_here().has_openvino:
        found["OpenVINO"] = open_backend(card, store, Site(wanted="openvino"))
    for file in litert:
        name = f"LiteRT {file.name}"
        found[name] = LitertBackend(file, card.inputs, card.outputs)
    return found


def timed(
    contenders: Mapping[str, Backend], inputs: Mapping[str, Tensor], rounds: int
) -> dict[str, list[float]]:
    """CPU milliseconds of every run, by contender."""
    spent: dict[str, list[float]] = {name: [] for name in contenders}
    for turn in range(WARM + rounds):
        for name, backend in contenders.items():
            backend.run(
                inputs
            )  # else it pays for what the one before left in the caches
            began_s = time.process_time()
            backend.run(inputs)
            took_ms = 1000 * (time.process_time() - began_s)
            if turn >= WARM:
                spent[name].append(took_ms)
    return spent


def table(card: Card, spent: Mapping[int, Mapping[str, list[float]]]) -> str:
    """A row a way: CPU ms per run at each batch, and per row as a share of as served."""
    first, *_ = spent.values()
    heads = [f"batch {size}" for size in spent]
    lines = [
        f"CPU ms a run of {card.model} {card.variant}, median; in brackets the median",
        "of the ratio to the first line, turn by turn.",
        "",
        f"| way | {' | '.join(heads)} |",
        f"|---|{'---|' * len(heads)}",
    ]
    for name in first:
        served = [next(iter(times.values())) for times in spent.values()]
        cells = [
            _cell(times[name], base)
            for times, base in zip(spent.values(), served, strict=True)
        ]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _cell(times: Sequence[float], served: Sequence[float]) -> str:
    ratio = statistics.median(a / b for a, b in zip(times, served, strict=True))
    return f"{statistics.median(times):.1f} ({ratio:.2f})"


def drawn(card: Card, rows: int) -> dict[str, NDArray[np.float32]]:
    """Rows that look like normalised pictures, the same every time."""
    draw = np.random.default_rng(0)
    return {
        tensor.name: draw.normal(size=(rows, *tensor.shape)).astype(np.float32)
        for tensor in card.inputs
    }


async def stages(card: Card, backend: Backend, runs: int) -> ModelStatistics:
    """What a replica with one slot counts while it answers crops, batch after batch."""
    (size,) = {tensor.shape[-1] for tensor in card.inputs}
    crop = np.random.default_rng(0).integers(0, 256, (1, size, size, 3), np.uint8)
    limits = BatchingSpec(max_batch_size=max(BATCHES), max_queue_size=4 * max(BATCHES))
    slots = Slots(1)
    model = Model(card.model, backend, limits, slots, card.image)
    request = Request(card.model, {card.inputs[0].name: crop})
    for _ in range(runs):
        await asyncio.gather(*(model.infer(request) for _ in range(max(BATCHES))))
    await model.close()
    slots.close()
    return of_batcher(card.model, str(card.version), model.stats)


def told(statistics_: ModelStatistics) -> str:
    """How a batch's time is divided."""
    lines = [
        "| batch | runs | input ms | backend ms | output ms |",
        "|---|---|---|---|---|",
    ]
    for batch in statistics_.batch_stats:
        parts = (batch.compute_input, batch.compute_infer, batch.compute_output)
        cells = " | ".join(f"{part.ns / part.count / 1e6:.3f}" for part in parts)
        lines.append(f"| {batch.batch_size} | {batch.compute_infer.count} | {cells} |")
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print two tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--store", type=Path, default=Path(".headwater/store"))
    parser.add_argument("--model", default="efficientnet-lite0")
    parser.add_argument("--variant", default="int8-onnx")
    parser.add_argument("--litert", type=Path, nargs="*", default=[])
    parser.add_argument("--rounds", type=int, default=20)
    given = parser.parse_args(arguments)
    store = Store(given.store)
    card = store.card(given.model, 1, given.variant)
    contenders = ways(card, store, given.litert)
    spent = {n: timed(contenders, drawn(card, n), given.rounds) for n in BATCHES}
    sys.stdout.write(f"{table(card, spent)}\n\n")
    if card.image is not None:
        counted = asyncio.run(stages(card, contenders["as served"], given.rounds))
        sys.stdout.write(f"{told(counted)}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())

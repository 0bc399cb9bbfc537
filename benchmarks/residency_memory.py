"""What opening a stored model costs by several ways, what replicas share, what returns."""

import multiprocessing
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from statistics import median

import numpy as np

from deployments.backends.onnx import OnnxBackend
from deployments.backends.prepared import prepared
from deployments.residency.memory import resident_bytes, trim
from models.card import Card
from models.store import Store
from models.verified import digest

REPEATS = 11
MB = 1 << 20
VARIANTS = (
    ("efficientnet-lite0", "int8-onnx"),
    ("efficientnet-lite1", "int8-onnx"),
    ("efficientnet-lite2", "int8-onnx"),
    ("efficientnet-lite0", "fp32-onnx"),
)


@dataclass(frozen=True, slots=True)
class Way:
    """One way to open a file."""

    name: str
    open: Callable[[], OnnxBackend]


def memory(root: Path) -> str:
    """All figures, as Markdown."""
    lines = ["| variant | way | open p50 ms | CPU ms | private MB | shared MB |"]
    lines.append("|---|---|---:|---:|---:|---:|")
    for model, variant in VARIANTS:
        card = Store(root).card(model, 1, variant)
        with tempfile.TemporaryDirectory() as folder:
            lines += _of_variant(Store(root), card, Path(folder))
    return "\n".join([*lines, "", _returned(Store(root))])


def _of_variant(store: Store, card: Card, folder: Path) -> list[str]:
    source = store.file(card.model_file)
    scratch = Store(folder)
    scratch.add_file(source)
    copy = prepared(scratch, card.model_file)
    if copy is None:
        raise RuntimeError(f"{source} has no prepared copy")
    ways = [
        Way("file, hashed each time", lambda: _hashed(source)),
        Way("file", lambda: OnnxBackend(source)),
        Way("prepared", lambda: OnnxBackend(copy, optimised=True)),
    ]
    lines = []
    for way, (wall_s, cpu_s) in zip(ways, _times(ways), strict=True):
        held = _two_processes(card, source if "file" in way.name else copy)
        lines.append(
            f"| {card.model} {card.variant} | {way.name} | {1e3 * wall_s:.0f} | "
            f"{1e3 * cpu_s:.0f} | {held['private'] / MB:.1f} | "
            f"{held['shared'] / MB:.1f} |"
        )
    return lines


def _hashed(file: Path) -> OnnxBackend:
    digest(file)
    return OnnxBackend(file)


def _times(ways: Sequence[Way]) -> list[tuple[float, float]]:
    """Wall and CPU seconds of each way, in turns."""
    spent: dict[str, list[tuple[float, float]]] = {way.name: [] for way in ways}
    for _ in range(REPEATS):
        for way in ways:
            wall_s, cpu_s = time.perf_counter(), time.process_time()
            backend = way.open()
            spent[way.name].append(
                (time.perf_counter() - wall_s, time.process_time() - cpu_s)
            )
            del backend
    return [
        (median(w for w, _ in rows), median(c for _, c in rows))
        for rows in spent.values()
    ]


def _two_processes(card: Card, file: Path) -> Mapping[str, int]:
    """What the second of two processes takes for a model that both have open and run."""
    context = multiprocessing.get_context("spawn")
    ends = [context.Pipe() for _ in range(2)]
    shape = tuple(card.inputs[0].shape)
    workers = [
        context.Process(target=_hold, args=(theirs, file, card.inputs[0].name, shape))
        for _, theirs in ends
    ]
    for worker, (ours, _) in zip(workers, ends, strict=True):
        worker.start()
        ours.recv()
    told: list[Mapping[str, int]] = []
    for ours, _ in ends:
        ours.send("tell")
        told.append(ours.recv())
    for worker, (ours, _) in zip(workers, ends, strict=True):
        ours.send("leave")
        worker.join()
    return told[-1]


def _hold(end: Connection, file: Path, name: str, shape: tuple[int, ...]) -> None:
    """Open, run once, wait until all have, and tell what the model's pages are."""
    warm = OnnxBackend(file, optimised=file.suffix == ".onnx")
    del warm  # the runtime's own pages are not the model's
    trim()
    before = _rollup()
    backend = OnnxBackend(file, optimised=file.suffix == ".onnx")
    backend.run({name: np.zeros((1, *shape), np.float32)})
    end.send("open")
    end.recv()
    after = _rollup()
    end.send(
        {
            "private": after["private"] - before["private"],
            "shared": after["shared"] - before["shared"],
        }
    )
    end.recv()  # pages are shared as long as both are here


def _rollup() -> Mapping[str, int]:
    text = Path("/proc/self/smaps_rollup").read_text(encoding="utf-8")
    said = {
        line.split(":")[0]: int(line.split()[1]) * 1024
        for line in text.splitlines()
        if line.endswith("kB")
    }
    private = said["Private_Dirty"] + said["Private_Clean"]
    return {"private": private, "shared": said["Shared_Clean"] + said["Shared_Dirty"]}


def _returned(store: Store) -> str:
    """Resident bytes of this process before, with and after models."""
    cards = [store.card(model, 1, variant) for model, variant in VARIANTS]
    files = [store.file(card.model_file) for card in cards]
    OnnxBackend(files[0])
    trim()
    before = resident_bytes()
    open_now = [OnnxBackend(file) for file in files for _ in range(3)]
    held = resident_bytes()
    open_now.clear()
    kept = resident_bytes()
    trim()
    after = resident_bytes()
    return (
        f"RSS before {before / MB:.0f} MB, with 12 models {held / MB:.0f} MB, dropped "
        f"{kept / MB:.0f} MB, trimmed {after / MB:.0f} MB"
    )

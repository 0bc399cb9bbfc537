"""Asks one file for phones in this process: rows in, rows out, and how long it took."""

import time
from collections.abc import Iterator, Mapping
from importlib import import_module
from typing import Any

import numpy as np

from models.litert.workers.running import grown_bytes, settled_bytes
from models.mobile.workers import Run

OPENERS = {
    "executorch": "models.mobile.workers.executorch_running",
    "coreml": "models.mobile.workers.coreml_running",
    "ort": "models.mobile.workers.ort_running",
}
"""By form, the module whose `opened(model, threads)` gives one row's answer to one row."""


def answer(request: Mapping[str, Any], progress: Any) -> object:
    """Answer the rows of `request["rows"]` (.npy, [n, …]), into `request["out"]`.

    Request: `form`, `model`, `rows`, `out`, `threads`; `mean` and `std` where rows are
    pixels [n, h, w, c] and the file wants them normalised, channels first; `runs`: how
    often the last row is timed afterwards.
    """
    opener = import_module(OPENERS[request["form"]])
    before = settled_bytes()
    run: Run = opener.opened(request["model"], int(request.get("threads", 1)))
    rows = np.load(request["rows"], mmap_mode="r")
    found, row = [], None
    for number, row in enumerate(fed(rows, request), start=1):
        found.append(run(row))
        if number % 64 == 0 or number == len(rows):
            progress("run", number, len(rows))
    np.save(request["out"], np.concatenate(found))
    times = []
    for _ in range(int(request.get("runs", 0))):
        started_s = time.perf_counter()
        run(row)
        times.append(1000 * (time.perf_counter() - started_s))
    return {"times_ms": times, "grown_bytes": grown_bytes(before)}


def fed(rows: Any, request: Mapping[str, Any]) -> Iterator[Any]:
    """Each row as [1, c, h, w] FP32: pixels turned around, and normalised if asked."""
    for row in rows:
        one = np.asarray(row)
        if one.dtype == np.uint8:
            one = one.transpose(2, 0, 1).astype(np.float32)
        if "mean" in request:
            one = (one - np.float32(request["mean"])) / np.float32(request["std"])
        yield np.ascontiguousarray(one[None])

"""Which operators, in which versions, a runtime has; `versions.json` holds what was found.

Found by asking each runtime for one file of each operator and version: what it does not
know it refuses by name (see docs/edge.md). The compiler of the Edge TPU is built on
TensorFlow 2.5.0 and reads what that reads.
"""

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from models.litert.graph import Graph

RUNTIMES = ("tensorflow-2.5.0", "tflite-runtime-2.14.0", "litert-2.3.0")
"""The probed ones, oldest first."""


@cache
def registry(runtime: str) -> Mapping[str, int]:
    """The highest version of each operator that `runtime` has."""
    text = (Path(__file__).parent / "versions.json").read_text(encoding="utf-8")
    known: Mapping[str, Mapping[str, int]] = json.loads(text)
    return known[runtime]


def unknown_to(graph: Graph, runtime: str) -> tuple[str, ...]:
    """What of `graph` the runtime lacks, in words; empty: it has everything."""
    known, found = registry(runtime), []
    for name, version in graph.versions().items():
        if name not in known:
            found.append(f"{name} is not in {runtime}")
        elif version > known[name]:
            found.append(f"{name} {version} is newer than {known[name]} of {runtime}")
    if runtime == RUNTIMES[0] and any(tensor.outside for tensor in graph.tensors):
        found.append(f"its weights lie outside the flatbuffer, unread by {runtime}")
    return tuple(found)


def oldest_runtime(graph: Graph) -> str | None:
    """The first of `RUNTIMES` that has all of `graph`; None: none has."""
    fits = (runtime for runtime in RUNTIMES if not unknown_to(graph, runtime))
    return next(fits, None)

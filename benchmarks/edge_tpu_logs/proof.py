"""Every published network made anew, predicted, and held to its report."""

from collections.abc import Iterator, Mapping
from typing import Protocol, get_args

from benchmarks.edge_tpu_logs.comparing import Held, held
from benchmarks.edge_tpu_logs.reports import CURRENT, Published
from edge.readiness.edge_tpu import predicted
from edge.readiness.findings import MAPPED, UNSUPPORTED, Status
from edge.readiness.rules import SUPPORTED
from models.litert.graph import Graph


class Maker(Protocol):
    """What makes networks anew."""

    def graphs(self, reports: Mapping[str, Published]) -> Mapping[str, Graph]:
        """The file of each report as its source converted it."""
        ...


def proved(reports: Mapping[str, Published], maker: Maker) -> tuple[Held, ...]:
    """One for each report whose layers are known.

    Raises:
        ToolFailed: a network cannot be made.
        BadModelFile: what was made is no sound .tflite.
    """
    known = {
        name: truth
        for name, truth in reports.items()
        if truth.net is not None and truth.is_counted
    }
    return tuple(
        held(name, predicted(graph), known[name])
        for name, graph in maker.graphs(known).items()
    )


def contradictions(truth: Published) -> tuple[str, ...]:
    """Rows that the rules cannot give whatever the shapes, from the current compiler."""
    if not truth.said.version.startswith(CURRENT):
        return ()
    return tuple(_contradictions(truth))


def _contradictions(truth: Published) -> Iterator[str]:
    for name, status in sorted(truth.said.rows):
        if status not in get_args(Status):
            yield f"{name}: the words {status!r} are unknown"
        elif status == MAPPED and name not in SUPPORTED:
            yield f"{name} is mapped, and the rules do not support it"
        elif status == UNSUPPORTED and name in SUPPORTED:
            yield f"{name} is not supported, and the rules support it"

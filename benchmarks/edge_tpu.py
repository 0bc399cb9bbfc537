"""The prediction of `edge.readiness.edge_tpu` held to what Google's compiler made.

`python -m benchmarks.edge_tpu`: networks of published reports (`edge_tpu_logs`), made anew
with random weights by TensorFlow in an environment below HEADWATER_HOME, fetched once.

`python -m benchmarks.edge_tpu FOLDER`: every NAME.tflite that has a NAME_edgetpu.tflite
beside it. An operator that the compiled file still holds fell back to the CPU; precision
and recall are of foretelling those.
"""

import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.edge_tpu_logs.page import page
from benchmarks.edge_tpu_logs.proof import proved
from benchmarks.edge_tpu_logs.rebuilding import Rebuilder
from benchmarks.edge_tpu_logs.reports import published
from configs.environment import load_environment
from edge.readiness.compiler import Agreement, held_to_twin
from edge.readiness.edge_tpu import predicted
from models.litert.reading import read_file

SUFFIX = "_edgetpu.tflite"


@dataclass(frozen=True, slots=True)
class Row:
    """One pair of files."""

    name: str
    operators: int
    agreement: Agreement


def rows(folder: Path) -> Iterator[Row]:
    """Every pair of `folder`, by name.

    Raises:
        BadModelFile: a file is no sound .tflite.
    """
    for twin in sorted(folder.rglob(f"*{SUFFIX}")):
        source = twin.with_name(twin.name.removesuffix(SUFFIX) + ".tflite")
        if source.is_file():
            graph = read_file(source)
            agreement = held_to_twin(predicted(graph), read_file(twin))
            yield Row(source.stem, len(graph.ops), agreement)


def total(found: Sequence[Row]) -> Agreement:
    """All pairs as one."""
    each = [row.agreement for row in found]
    return Agreement(
        sum(one.right for one in each),
        sum(one.foretold for one in each),
        sum(one.fell_back for one in each),
    )


def table(found: Sequence[Row]) -> str:
    """Markdown."""
    lines = [
        "| model | operators | on the CPU | foretold | precision | recall |",
        "|---|---|---|---|---|---|",
    ]
    everything = Row("all", sum(row.operators for row in found), total(found))
    for row in (*found, everything):
        one = row.agreement
        lines.append(
            f"| {row.name} | {row.operators} | {one.fell_back} | {one.foretold} "
            f"| {one.precision:.3f} | {one.recall:.3f} |"
        )
    return "\n".join(lines)


def from_reports() -> str:
    """The networks of published reports, made anew: the page."""
    reports = published()
    with tempfile.TemporaryDirectory() as kept:
        maker = Rebuilder(load_environment().home / "envs", Path(kept), _say)
        return page(proved(reports, maker), reports)


def _say(step: str, done: int, total: int) -> None:
    sys.stderr.write(f"{step} {done}/{total}\n" if total else f"{step}\n")


def main(arguments: Sequence[str]) -> int:
    """Print the table; 2 where the folder holds no pair."""
    if not arguments:
        sys.stdout.write(f"{from_reports()}\n")
        return 0
    found = list(rows(Path(arguments[0])))
    sys.stdout.write(f"{table(found)}\n" if found else f"{__doc__}\nno pair found\n")
    return 0 if found else 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

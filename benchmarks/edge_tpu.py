"""The prediction of `edge.readiness.edge_tpu` held to files that Google's compiler wrote.

`python -m benchmarks.edge_tpu FOLDER`: every NAME.tflite that has a NAME_edgetpu.tflite
beside it. An operator that the compiled file still holds fell back to the CPU; precision
and recall are of foretelling those.
"""

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

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


def main(arguments: Sequence[str]) -> int:
    """Print the table; 2 where the folder holds no pair."""
    found = list(rows(Path(arguments[0]))) if arguments else []
    sys.stdout.write(f"{table(found)}\n" if found else f"{__doc__}\nno pair found\n")
    return 0 if found else 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

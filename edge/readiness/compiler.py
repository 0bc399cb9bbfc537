"""`edgetpu_compiler`, where it is installed: run, its report read, the prediction held to it.

It is closed, for x86-64 Linux, and in no package index; without it there is only the
prediction. The same comparison takes a pair of files that somebody else compiled.
"""

import re
import shutil
import subprocess
import tempfile
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from edge.readiness.findings import Finding
from models.errors import ToolFailed
from models.litert.graph import Graph
from models.litert.schema import operators

COMPILER = "edgetpu_compiler"
TIMEOUT_S = 300
CUSTOM = "edgetpu-custom-op"

_ROW = re.compile(r"^(?P<name>[A-Z0-9_]+)\s+(?P<count>\d+)\s+(?P<status>[A-Z][a-z].*)$")
_FAILURE = re.compile(
    r"^(?:ERROR: .*|Invalid model: .*|Model could not be parsed.*|Internal compiler error.*)$"
)
_VERSION = re.compile(r"^Edge TPU Compiler version (?P<version>[\d.]+)$")
_NUMBER = re.compile(
    r"^(?P<what>Number of operations that will run on (?:Edge TPU|CPU)): (?P<n>\d+)$"
)


@dataclass(frozen=True, slots=True)
class Compiled:
    """What the compiler says: operators by (name, status), and why it failed, if it did."""

    rows: Mapping[tuple[str, str], int]
    on_tpu: int
    on_cpu: int
    failures: tuple[str, ...] = ()
    version: str = ""


@dataclass(frozen=True, slots=True)
class Agreement:
    """A prediction held against the truth; an operator on the CPU is what is looked for.

    `precision`: of those predicted to fall back, the share that did; `recall`: of those
    that fell back, the share that was predicted. 1.0 where there is nothing to miss.
    """

    right: int
    foretold: int
    fell_back: int

    @property
    def precision(self) -> float:
        """See above."""
        return self.right / self.foretold if self.foretold else 1.0

    @property
    def recall(self) -> float:
        """See above."""
        return self.right / self.fell_back if self.fell_back else 1.0


def read_report(text: str) -> Compiled:
    """What `edgetpu_compiler -s` printed."""
    rows: Counter[tuple[str, str]] = Counter()
    numbers, failures, version = dict[str, int](), [], ""
    for line in (one.strip() for one in text.splitlines()):
        if row := _ROW.match(line):
            rows[row["name"], row["status"].strip()] += int(row["count"])
        elif number := _NUMBER.match(line):
            numbers[number["what"].rpartition(" on ")[2]] = int(number["n"])
        elif _FAILURE.match(line):
            failures.append(line)
        elif said := _VERSION.match(line):
            version = said["version"]
    mapped = sum(n for (_, status), n in rows.items() if status.startswith("Mapped"))
    return Compiled(
        dict(rows),
        numbers.get("Edge TPU", mapped),
        numbers.get("CPU", sum(rows.values()) - mapped),
        tuple(failures),
        version,
    )


def compiled(file: Path) -> Compiled | None:
    """What the compiler makes of `file`; None: it is not on PATH.

    Raises:
        ToolFailed: it took too long, or printed nothing that can be read.
    """
    command = shutil.which(COMPILER)
    if command is None:
        return None
    with tempfile.TemporaryDirectory() as folder:
        try:
            done = subprocess.run(  # noqa: S603 - found on PATH, arguments are ours
                [command, "-s", "-o", folder, str(file.resolve())],
                capture_output=True,
                text=True,
                check=False,
                timeout=TIMEOUT_S,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise ToolFailed(COMPILER, file.name, str(error)) from error
    report = read_report(f"{done.stdout}\n{done.stderr}")
    if not report.rows and not report.failures:
        reason = f"it printed no report and ended with code {done.returncode}"
        raise ToolFailed(COMPILER, file.name, reason)
    return report


def held_to(findings: tuple[Finding, ...], truth: Compiled) -> Agreement:
    """The prediction against the compiler's own report, by operator."""
    really = Counter[str]()
    for (name, status), count in truth.rows.items():
        if not status.startswith("Mapped"):
            really[name] += count
    return _agreement(as_reported(findings), really)


def as_reported(findings: tuple[Finding, ...]) -> tuple[Finding, ...]:
    """`findings` with what is not built in called CUSTOM, as a report calls it."""
    built_in = frozenset(operators().values())
    return tuple(
        one if one.operator in built_in else replace(one, operator="CUSTOM")
        for one in findings
    )


def held_to_twin(findings: tuple[Finding, ...], twin: Graph) -> Agreement:
    """The same against a compiled file: what it still holds beside its one custom op."""
    really = Counter(op.custom or op.name for op in twin.ops if op.custom != CUSTOM)
    return _agreement(findings, really)


def _agreement(findings: tuple[Finding, ...], really: Counter[str]) -> Agreement:
    foretold = Counter(one.operator for one in findings if not one.is_mapped)
    right = sum((foretold & really).values())
    return Agreement(right, sum(foretold.values()), sum(really.values()))

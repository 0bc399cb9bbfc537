"""What a check says of each operator and of the file, in the compiler's own words."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from models.litert.cost import Cost

Status = Literal[
    "Mapped to Edge TPU",
    "Runs",
    "More than one subgraph is not supported",
    "Operation is otherwise supported, but not mapped due to some unspecified limitation",
    "Operation is working on an unsupported data type",
    "Operation not supported",
    "Operation version not supported",
    "Tensor has unsupported rank (up to 3 innermost dimensions mapped)",
    "Only Strided-Slice with unitary strides supported",
]

MAPPED: Status = "Mapped to Edge TPU"
RUNS: Status = "Runs"
SUBGRAPH: Status = "More than one subgraph is not supported"
LIMITED: Status = "Operation is otherwise supported, but not mapped due to some unspecified limitation"
DATATYPE: Status = "Operation is working on an unsupported data type"
UNSUPPORTED: Status = "Operation not supported"
VERSION: Status = "Operation version not supported"
RANK: Status = "Tensor has unsupported rank (up to 3 innermost dimensions mapped)"
STRIDES: Status = "Only Strided-Slice with unitary strides supported"


@dataclass(frozen=True, slots=True)
class Finding:
    """One operator: where it would run, why not on the accelerator, what would help."""

    operator: str
    version: int
    status: Status
    why: str = ""
    fix: str = ""

    @property
    def is_mapped(self) -> bool:
        """Whether it runs where the class wants it to."""
        return self.status in (MAPPED, RUNS)


@dataclass(frozen=True, slots=True)
class Readiness:
    """A file held against one device class.

    `fatal`: why it does not run there at all, with what helps. `estimate_ms` is made of
    multiplications and bytes, never measured.
    """

    device: str
    findings: tuple[Finding, ...]
    fatal: tuple[str, ...]
    cost: Cost
    estimate_ms: float
    warnings: tuple[str, ...] = field(default=())

    @property
    def mapped(self) -> int:
        """How many operators run where the class wants them to."""
        return sum(finding.is_mapped for finding in self.findings)

    @property
    def total(self) -> int:
        """How many operators there are."""
        return len(self.findings)

    @property
    def is_ready(self) -> bool:
        """Whether all of it runs as the class wants."""
        return not self.fatal and self.mapped == self.total

    def reasons(self) -> tuple[str, ...]:
        """Why not all of it does: what is fatal, then what falls back, by cause."""
        causes: dict[tuple[str, str], Counter[str]] = {}
        for one in self.findings:
            if not one.is_mapped:
                cause = (one.why or one.status, one.fix)
                causes.setdefault(cause, Counter())[one.operator] += 1
        return (*self.fatal, *(_told(cause, each) for cause, each in causes.items()))

    def as_json(self) -> Mapping[str, object]:
        """What a tool reads."""
        return {
            "ready": self.is_ready,
            "mapped": self.mapped,
            "total": self.total,
            "reasons": list(self.reasons()),
            "warnings": list(self.warnings),
            "macs": self.cost.macs,
            "weights_bytes": self.cost.weights_bytes,
            "arena_bytes": self.cost.arena_bytes,
            "estimate_ms": round(self.estimate_ms, 3),
        }


def _told(cause: tuple[str, str], counted: Counter[str]) -> str:
    why, fix = cause
    names = ", ".join(f"{count} x {name}" for name, count in sorted(counted.items()))
    return f"{names}: {why}" + (f"; {fix}" if fix else "")

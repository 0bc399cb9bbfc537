"""A prediction held to a published report, operator by operator. Pure.

A report counts operators and does not name them: of three RESHAPE it says that two are
mapped, not which. So the two are compared by operator: of those predicted to be mapped,
as many are right as the report has mapped.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from benchmarks.edge_tpu_logs.reports import Published
from edge.readiness.compiler import as_reported
from edge.readiness.findings import MAPPED, Finding


@dataclass(frozen=True, slots=True)
class Score:
    """How many were `said`, how many are `true`, how many of those said are `right`."""

    right: int
    said: int
    true: int

    @property
    def precision(self) -> float:
        """Of what was said, the share that is true; 1.0 where nothing was said."""
        return self.right / self.said if self.said else 1.0

    @property
    def recall(self) -> float:
        """Of what is true, the share that was said; 1.0 where nothing is true."""
        return self.right / self.true if self.true else 1.0

    def __add__(self, other: "Score") -> "Score":
        return Score(
            self.right + other.right, self.said + other.said, self.true + other.true
        )


@dataclass(frozen=True, slots=True)
class Held:
    """One network: its scores, and in words where prediction and report part.

    `apart`: operators that the file made anew has more (+) or less (-) often than the
    published one; where there are any, the scores are of another file and do not count.
    """

    name: str
    operators: int
    mapped: Score
    fallen: Score
    reasons: Score
    disagreements: tuple[str, ...]
    apart: tuple[str, ...]
    fitted: bool

    @property
    def is_same(self) -> bool:
        """Whether the file made anew has the operators of the published one."""
        return not self.apart


def held(name: str, findings: tuple[Finding, ...], truth: Published) -> Held:
    """`findings` about the file made anew against the report."""
    reported = as_reported(findings)
    said = Counter[tuple[str, str]]((one.operator, one.status) for one in reported)
    true = Counter(truth.said.rows)
    return Held(
        name,
        sum(truth.operators.values()),
        _score(_where(said, mapped=True), _where(true, mapped=True)),
        _score(_where(said, mapped=False), _where(true, mapped=False)),
        _score(said, true),
        tuple(_disagreements(said, true)),
        tuple(_apart(Counter(one.operator for one in reported), truth.operators)),
        truth.fitted,
    )


def total(each: Sequence[Held]) -> tuple[Score, Score, Score]:
    """Mapped, fallen back and reasons over all of `each`."""
    none = Score(0, 0, 0)
    return (
        sum((one.mapped for one in each), none),
        sum((one.fallen for one in each), none),
        sum((one.reasons for one in each), none),
    )


def _where(rows: Counter[tuple[str, str]], mapped: bool) -> Counter[str]:
    found = Counter[str]()
    for (name, status), count in rows.items():
        if (status == MAPPED) == mapped:
            found[name] += count
    return found


def _score(said: Counter[Any], true: Counter[Any]) -> Score:
    return Score(sum((said & true).values()), said.total(), true.total())


def _disagreements(
    said: Counter[tuple[str, str]], true: Counter[tuple[str, str]]
) -> Iterator[str]:
    for name in sorted({name for name, _ in said | true}):
        wrongly = {status: n for (op, status), n in (said - true).items() if op == name}
        rightly = {status: n for (op, status), n in (true - said).items() if op == name}
        if wrongly or rightly:
            yield f"{name}: predicted {_told(wrongly)}; published {_told(rightly)}"


def _told(counted: dict[str, int]) -> str:
    return (
        ", ".join(f"{n} x {status}" for status, n in sorted(counted.items())) or "none"
    )


def _apart(said: Counter[str], true: Counter[str]) -> Iterator[str]:
    for name in sorted({*said, *true}):
        if said[name] != true[name]:
            yield f"{name} {said[name] - true[name]:+d}"

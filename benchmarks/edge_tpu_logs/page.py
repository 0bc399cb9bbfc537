"""What the proof found, as Markdown. Pure."""

from collections.abc import Iterator, Mapping, Sequence

from benchmarks.edge_tpu_logs.comparing import Held, Score, total
from benchmarks.edge_tpu_logs.proof import contradictions
from benchmarks.edge_tpu_logs.reports import Published

CURRENT = "16"

HEAD = """\
| network | compiler | operators | mapped: precision | recall | on the CPU: precision \
| recall | same words |
|---|---|---|---|---|---|---|---|"""


def page(each: Sequence[Held], reports: Mapping[str, Published]) -> str:
    """The table, its sums, every disagreement, and what the other rows say."""
    return "\n".join(
        (
            HEAD,
            *(_row(one.name, _release(reports[one.name]), [one]) for one in each),
            *_sums([one for one in each if one.is_same], reports),
            "",
            *_disagreements(each),
            *_rows_alone(reports),
        )
    )


def _sums(same: Sequence[Held], reports: Mapping[str, Published]) -> Iterator[str]:
    current = [one for one in same if _release(reports[one.name]) == CURRENT]
    yield _row(f"all {len(current)} of the current compiler", CURRENT, current)
    unseen = [one for one in current if not one.fitted]
    yield _row(f"the {len(unseen)} that no rule was learnt from", CURRENT, unseen)
    yield _row(f"all {len(same)}", "14.1 to 16", same)


def _row(name: str, release: str, each: Sequence[Held]) -> str:
    mapped, fallen, reasons = total(each)
    mark = "" if all(one.is_same for one in each) else " (another file)"
    return (
        f"| {name}{mark} | {release} | {sum(one.operators for one in each)} "
        f"| {_shares(mapped)} | {_shares(fallen)} | {reasons.recall:.3f} |"
    )


def _shares(score: Score) -> str:
    return f"{score.precision:.3f} | {score.recall:.3f}"


def _release(truth: Published) -> str:
    major, minor, *_ = truth.said.version.split(".")
    return major if minor == "0" else f"{major}.{minor}"


def _disagreements(each: Sequence[Held]) -> Iterator[str]:
    for one in each:
        for line in one.disagreements if one.is_same else ():
            yield f"- {one.name}: {line}"
        if one.apart:
            yield f"- {one.name} is another file than the published: {', '.join(one.apart)}"


def _rows_alone(reports: Mapping[str, Published]) -> Iterator[str]:
    alone = {name: one for name, one in reports.items() if one.net is None}
    current = [name for name, one in alone.items() if _release(one) == CURRENT]
    yield f"- rows alone: {len(current)} reports of the current compiler"
    for name, one in reports.items():
        yield from (f"- {name}: {line}" for line in contradictions(one))

"""Results as Markdown. Pure."""

from collections.abc import Iterable, Mapping, Sequence

from benchmarks.facts import Measurement, Results, SplitFact, SubjectFact
from benchmarks.summary import best_per_s, middle

BAR_OF_BARE = 0.70
BAR_OF_PLAIN = 3.0
QUIET_CORES = 0.25
"""More than this of the machine taken by others, and a run proves nothing."""

_METHOD = """\
One photo, one model file, one kind of session everywhere. The bare loop runs the model \
in a process of its own, batch 1, input ready in memory, one thread a slot; for the \
pipeline it decodes, crops, normalises, runs the members and votes. Plain Ray Serve has \
as many threads as Headwater, in one replica or in as many replicas, `@serve.batch(max_batch_size=16, \
batch_wait_timeout_s=0.005)`, `max_ongoing_requests=64`, raw bytes in. Each contender \
gets a fresh cluster in each repeat, and the order turns with the repeats. The load \
generator is one asyncio process on the same machine (keep-alive, TCP_NODELAY); what it \
takes of the CPU is in the tables and is not taken off anything. The bare loop has no \
client and the whole machine. Closed loop: callers wait for their answer; answers after \
the time are not counted. Open loop: Poisson arrivals at a share of the highest \
closed-loop throughput of the same repeat; latency counts from the moment a request was \
meant to be sent. Before each run the answer's class is checked against the bare \
model's. Latencies are of good answers; numbers are medians over the repeats. Throughput \
in open loop counts until the last answer came."""


def report(results: Results) -> str:
    """The whole report."""
    seen = len(results.measurements)
    results = undisturbed(results)
    left_out = seen - len(results.measurements)
    machine = results.machine
    parts = [
        f"# Benchmark of {results.date}: {machine['cpu']}, {machine['cores']} cores",
        _how_sure(results, left_out),
        "## Highest throughput, closed loop",
        _best_table(results),
        _bar(results),
        "## Closed loop",
        _loop_table(results, "closed"),
        "## Open loop",
        _loop_table(results, "open"),
        "## CPU time a request, by process (ms)",
        _cpu_table(results),
        "## CPU of a cluster nobody calls (cores)",
        _idle_table(results),
        "## Inside a replica: one caller, no sockets (ms)",
        split_list(results.splits, results.subjects),
        "## Method",
        _METHOD,
        _facts(results),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table; all columns but the first are right-aligned."""
    lines = [list(head), ["---"] + ["--:"] * (len(head) - 1), *map(list, rows)]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def number(value: float | None, digits: int = 1) -> str:
    """A number for people, or a dash for what was not measured."""
    return "-" if value is None else f"{value:,.{digits}f}"


def best_of(results: Results, role: str, group: str) -> dict[str, float]:
    """Subject id → median of its best throughput, for one role in one group."""
    best = {
        subject.id: middle(best_per_s(results.measurements, subject.id))
        for subject in results.subjects
        if (subject.role, subject.group) == (role, group)
    }
    return {subject: value for subject, value in best.items() if value}


def undisturbed(results: Results) -> Results:
    """Without the runs that other programs disturbed, where another repeat was quiet."""
    quiet = {_run_of(m) for m in results.measurements if m.others_cores <= QUIET_CORES}
    kept = tuple(
        one
        for one in results.measurements
        if one.others_cores <= QUIET_CORES or _run_of(one) not in quiet
    )
    return results.model_copy(update={"measurements": kept})


def _run_of(one: Measurement) -> tuple[str, str, float]:
    return one.subject, one.load, one.level


def _how_sure(results: Results, left_out: int) -> str:
    repeats = {one.repeat for one in results.measurements}
    sure = f"Commit {results.commit}, {len(repeats)} repeat(s)."
    others = max((one.others_cores for one in results.measurements), default=0.0)
    sure += f" Other programs took up to {others:.2f} cores during a run."
    if others > QUIET_CORES:
        sure += " **The machine was busy: do not compare or quote these numbers.**"
    if left_out:
        sure += (
            f" {left_out} of {left_out + len(results.measurements)} runs were disturbed "
            f"by more than {QUIET_CORES} cores and are left out; each has a quiet repeat."
        )
    if results.failure:
        sure += f" **Ended early, what follows is not whole: {results.failure}**"
    if results.quick:
        sure += " Quick run: short and few, good for finding faults, not for claims."
    return sure


def _best_table(results: Results) -> str:
    plain_ids = [s.id for s in results.subjects if s.role == "plain"]
    modes = list(dict.fromkeys(p.rsplit("-", 1)[0] for p in plain_ids))
    head = ["subject", "requests/s", "min to max", "of bare"]
    head += [f"x {mode}" for mode in modes]
    rows = [
        _best_row(results, subject, [f"{m}-{subject.group}" for m in modes])
        for subject in results.subjects
    ]
    return table(head, rows)


def _best_row(
    results: Results, subject: SubjectFact, plain_ids: Sequence[str]
) -> list[str]:
    best = best_per_s(results.measurements, subject.id)
    if not best:
        return [_name(subject), "-", "-", "-", *("-" for _ in plain_ids)]
    bare = middle(best_of(results, "bare", subject.group).values())
    plain = best_of(results, "plain", subject.group)
    mine = middle(best)
    return [
        _name(subject),
        number(mine),
        f"{number(min(best))} to {number(max(best))}",
        f"{number(_ratio(mine, bare, 100), 0)}%",
        *(number(_ratio(mine, plain.get(one)), 2) for one in plain_ids),
    ]


def _bar(results: Results) -> str:
    """The bar of the project: the fused INT8 model against both baselines."""
    mine = max(best_of(results, "headwater", "model").values(), default=None)
    bare = middle(best_of(results, "bare", "model").values())
    lines = [_verdict("of the bare loop", _ratio(mine, bare), BAR_OF_BARE)]
    lines += [
        _verdict(f"times {subject}", _ratio(mine, plain), BAR_OF_PLAIN)
        for subject, plain in best_of(results, "plain", "model").items()
    ]
    return "\n".join(lines)


def _verdict(what: str, got: float | None, bar: float) -> str:
    if got is None:
        return f"- {what}: not measured (bar {bar:g})"
    return f"- {what}: {got:.2f} (bar {bar:g}: {'reached' if got >= bar else 'missed'})"


def _loop_table(results: Results, load: str) -> str:
    head = ["subject", "callers" if load == "closed" else "load", "offered/s"]
    head += ["requests/s", "p50 ms", "p90 ms", "p99 ms", "errors", "client cores"]
    head += ["other cores"]
    head += ["sent late p99 ms"] if load == "open" else []
    rows = [
        _loop_row(subject, runs)
        for subject in results.subjects
        for runs in _by_level(results.measurements, subject.id, load)
    ]
    return table(head, rows)


def _by_level(
    measurements: Iterable[Measurement], subject: str, load: str
) -> list[list[Measurement]]:
    levels: dict[int, list[Measurement]] = {}
    for one in measurements:
        if (one.subject, one.load) == (subject, load):
            levels.setdefault(one.level, []).append(one)
    return [levels[level] for level in sorted(levels)]


def _loop_row(subject: SubjectFact, runs: Sequence[Measurement]) -> list[str]:
    first = runs[0]
    row = [
        _name(subject),
        str(first.level) + ("%" if first.load == "open" else ""),
        number(middle(run.offered_per_s for run in runs)),
        number(middle(run.throughput_per_s for run in runs)),
        number(middle(run.p50_ms for run in runs)),
        number(middle(run.p90_ms for run in runs)),
        number(middle(run.p99_ms for run in runs)),
        _errors(runs),
        number(middle(run.client_cores for run in runs), 2),
        number(middle(run.others_cores for run in runs), 2),
    ]
    if first.load == "open":
        row.append(number(middle(run.lag_p99_ms for run in runs)))
    return row


def _errors(runs: Sequence[Measurement]) -> str:
    total: dict[str, int] = {}
    for run in runs:
        for error, count in run.errors.items():
            total[error] = total.get(error, 0) + count
    shown = ", ".join(f"{count} {error}" for error, count in sorted(total.items()))
    return shown or "0"


def _cpu_table(results: Results) -> str:
    """Each subject at the number of callers that gave its highest throughput."""
    columns: dict[str, Mapping[str, float]] = {}
    for subject in results.subjects:
        closed = [
            run
            for run in results.measurements
            if (run.subject, run.load) == (subject.id, "closed") and run.cpu_ms
        ]
        if closed:
            best = max(closed, key=lambda run: run.throughput_per_s)
            title = f"{_name(subject)}, {best.level} callers"
            columns[title] = {**_client_ms(best), **best.cpu_ms}
    return _by_process(columns)


def _client_ms(run: Measurement) -> dict[str, float]:
    client_ms = 1000 * run.client_cores / run.throughput_per_s
    return {"load generator": client_ms} if client_ms else {}


def _idle_table(results: Results) -> str:
    return _by_process({one.contender: one.cores for one in results.idle})


def _by_process(columns: Mapping[str, Mapping[str, float]]) -> str:
    if not columns:
        return "Not measured."
    names = sorted({name for column in columns.values() for name in column})
    rows = [
        [name, *(number(column.get(name), 3) for column in columns.values())]
        for name in names
    ]
    sums = (number(sum(column.values()), 3) for column in columns.values())
    rows.append(["**all**", *sums])
    return table(["process", *columns], rows)


def split_list(splits: Iterable[SplitFact], subjects: Iterable[SubjectFact]) -> str:
    """Where the time of a request goes inside a replica, one line a subject."""
    titles = {subject.id: subject.title for subject in subjects}
    lines = []
    for split in splits:
        parts = ", ".join(f"{k} {v:.3f}" for k, v in split.parts_ms.items())
        title = titles.get(split.subject, split.subject)
        lines.append(
            f"- {title}: {split.total_ms:.3f} = {parts} ({split.requests} requests)"
        )
    return "\n".join(lines) or "Not measured."


def _facts(results: Results) -> str:
    facts = {**results.machine, **results.settings, **results.versions}
    return table(["what", "value"], ([k, v] for k, v in facts.items()))


def _name(subject: SubjectFact) -> str:
    return f"{subject.group}: {subject.title}"


def _ratio(mine: float | None, other: float | None, scale: float = 1.0) -> float | None:
    return scale * mine / other if mine and other else None

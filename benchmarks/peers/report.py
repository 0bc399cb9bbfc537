"""A comparison as Markdown. Pure."""

from collections.abc import Mapping, Sequence

from benchmarks.facts import SubjectFact
from benchmarks.peers.ceiling import ceiling_section
from benchmarks.peers.facts import PeerResults
from benchmarks.peers.verdict import (
    at_peak,
    bare_per_s,
    best_closed_per_s,
    peak_qps,
    peaks_qps,
    runs_of,
    verdicts,
)
from benchmarks.report import QUIET_CORES, number, split_list, table
from benchmarks.summary import middle

_METHOD = """\
Every server has the same model file, ONNX Runtime of the same version, one worker of one \
thread for each core of the servers but at least one, at most 16 rows a batch (what \
`defaults` says excepted) and the same tensor of one photo, raw where the server can. In \
the layout `apart` all servers' processes share the cores named below and the load \
generator has another one for itself; in `shared` nobody is pinned and one core is left \
for everything that is not a worker. "Highest rate": MLPerf LoadGen's Server scenario \
(Poisson arrivals, latency from the scheduled arrival, the same seed for everybody in a \
repeat), a search over the target rate, where a rate counts when no query failed, p99 is \
within the bound and, in a full run, LoadGen itself calls the run valid, its \
early-stopping criterion included. Closed loop: callers wait for their answer. Both \
generators keep connections open and set TCP_NODELAY. The bare loop runs the model on the \
servers' cores with nothing around it, in the same run. Repeats start with another contender \
each, servers are started afresh, numbers are medians over repeats. \
Before a server is measured its answer must name the bare model's class."""

_ADDED = """\
One replica's front end, nodes and thread in this process, without sockets or a proxy, at \
Poisson arrivals. Added: server time less the model's run and less the wait for the busy \
thread, which any server with one thread has at this load; the wait is beside it."""


def report(results: PeerResults) -> str:
    """The whole report."""
    machine = results.machine
    slos = ", ".join(f"{slo:g} ms" for slo in results.slos_ms)
    parts = [
        f"# Model servers beside each other, {results.date}: "
        f"{machine['cpu']}, {machine['cores']} cores, layout `{results.layout}`",
        _how_sure(results),
        f"## Highest rate with p99 within {slos}",
        _peak_table(results),
        "## Targets",
        _verdict_table(results),
        "## A server that costs nothing",
        ceiling_section(results),
        "## Closed loop",
        _closed_table(results),
        "## The bare loop by batch size",
        _bare_table(results),
        "## CPU time a request in the best closed loop, by process (ms)",
        _cpu_list(results),
        "## What Headwater adds to the model (ms)",
        _added_table(results),
        "## Inside a replica: one caller, no sockets (ms)",
        split_list(results.splits, results.subjects),
        "## Not measured",
        _absent_list(results),
        "## Method",
        _METHOD,
        _facts(results),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def disturbed_cores(results: PeerResults) -> float:
    """The most that other programs took of the machine in any run."""
    seen = [trial.others_cores for run in results.runs for trial in run.trials]
    seen += [one.others_cores for run in results.runs for one in run.closed]
    seen += [one.others_cores for one in results.bare]
    return max(seen, default=0.0)


def _how_sure(results: PeerResults) -> str:
    repeats = {run.repeat for run in results.runs}
    others = disturbed_cores(results)
    sure = f"Commit {results.commit}, {len(repeats)} repeat(s)."
    sure += f" Other programs took up to {others:.2f} cores during a run."
    if others > QUIET_CORES:
        sure += " **The machine was busy: do not compare or quote these numbers.**"
    if results.ended_early:
        sure += " **Ended early: not everybody was measured in every repeat.**"
    if results.quick:
        sure += " Quick run: short and few, good for finding faults, not for claims."
    return sure


def _peak_table(results: PeerResults) -> str:
    head = ["subject", "request kB"]
    for slo_ms in results.slos_ms:
        head += [f"queries/s at {slo_ms:g} ms", "min to max", "p50 / p99 ms there"]
    head += ["best closed loop /s", "of bare"]
    return table(head, (_peak_row(results, one) for one in results.subjects))


def _peak_row(results: PeerResults, subject: SubjectFact) -> list[str]:
    row = [subject.title, number(subject.request_bytes / 1000, 0)]
    for slo_ms in results.slos_ms:
        row += _slo_cells(results, subject.id, slo_ms)
    closed, bare = best_closed_per_s(results, subject.id), bare_per_s(results)
    share = f"{100 * closed / bare:.0f}%" if closed and bare else "-"
    return [*row, number(closed), share]


def _slo_cells(results: PeerResults, subject: str, slo_ms: float) -> list[str]:
    peaks = peaks_qps(results, subject, slo_ms)
    known = [qps for qps in peaks if qps is not None]
    if not known:
        return ["-", "-", "-"]
    spread = _spread(known)
    if len(known) < len(peaks):
        spread += f", none in {len(peaks) - len(known)}"
    trials = at_peak(results, subject, slo_ms)
    p50, p99 = middle(t.p50_ms for t in trials), middle(t.p99_ms for t in trials)
    return [
        number(peak_qps(results, subject, slo_ms)),
        spread,
        f"{number(p50)} / {number(p99)}",
    ]


def _spread(values: Sequence[float]) -> str:
    return f"{number(min(values))} to {number(max(values))}"


def _verdict_table(results: PeerResults) -> str:
    rows = [
        [
            one.what,
            one.wanted,
            number(one.got, 2),
            "reached" if one.reached else "missed",
        ]
        for one in verdicts(results)
    ]
    return table(["target", "wanted", "got", ""], rows)


def _closed_table(results: PeerResults) -> str:
    head = ["subject", "callers", "requests/s", "p50 ms", "p90 ms", "p99 ms", "errors"]
    head += ["client cores", "other cores"]
    rows = []
    for subject in results.subjects:
        runs = runs_of(results, subject.id)
        for level in sorted({one.level for run in runs for one in run.closed}):
            seen = [o for run in runs for o in run.closed if o.level == level]
            errors = sum(sum(one.errors.values()) for one in seen)
            rows.append(
                [
                    subject.title,
                    str(level),
                    number(middle(one.throughput_per_s for one in seen)),
                    number(middle(one.p50_ms for one in seen)),
                    number(middle(one.p90_ms for one in seen)),
                    number(middle(one.p99_ms for one in seen)),
                    str(errors),
                    number(middle(one.client_cores for one in seen), 2),
                    number(middle(one.others_cores for one in seen), 2),
                ]
            )
    return table(head, rows)


def _bare_table(results: PeerResults) -> str:
    rows = []
    for batch in sorted({one.batch for one in results.bare}):
        seen = [one for one in results.bare if one.batch == batch]
        rows.append(
            [
                str(batch),
                number(middle(one.images_per_s for one in seen)),
                _spread([one.images_per_s for one in seen]),
                number(middle(one.p50_ms for one in seen), 2),
                number(middle(one.p99_ms for one in seen), 2),
            ]
        )
    head = ["batch", "images/s", "min to max", "p50 ms a batch", "p99 ms"]
    return table(head, rows)


def _cpu_list(results: PeerResults) -> str:
    lines = []
    for subject in results.subjects:
        closed = [one for run in runs_of(results, subject.id) for one in run.closed]
        if not closed:
            continue
        best = max(closed, key=lambda one: one.throughput_per_s)
        total = sum(best.cpu_ms.values())
        most = f"a core bears {1000 / total:.0f}/s" if total else "no time was seen"
        lines.append(f"- {subject.title}: {total:.2f} = {_shares(best.cpu_ms)}; {most}")
    return "\n".join(lines) or "Not measured."


def _shares(cpu_ms: Mapping[str, float]) -> str:
    most = sorted(cpu_ms.items(), key=lambda item: -item[1])
    return ", ".join(f"{name} {spent:.2f}" for name, spent in most if spent >= 0.005)


def _added_table(results: PeerResults) -> str:
    if not results.added:
        return "Not measured."
    titles = {one.id: one.title for one in results.subjects}
    rows = [
        [
            titles.get(one.subject, one.subject),
            f"{one.load:.0%}",
            number(one.run_p50_ms, 2),
            _percentiles(one.server_ms),
            _percentiles(one.queue_ms),
            _percentiles(one.answer_ms),
            str(one.requests),
        ]
        for one in results.added
    ]
    head = ["subject", "load", "model run p50", "added p50 / p99", "wait p50 / p99"]
    head += ["both p50 / p99", "requests"]
    return f"{_ADDED}\n\n{table(head, rows)}"


def _percentiles(values: Mapping[str, float]) -> str:
    return f"{values['p50']:.2f} / {values['p99']:.2f}"


def _absent_list(results: PeerResults) -> str:
    lines = [f"- {one.name}: {one.reason}" for one in results.absent]
    return "\n".join(lines) or "Everybody was measured."


def _facts(results: PeerResults) -> str:
    facts = {**results.machine, **results.settings, **results.versions}
    rows: Sequence[Sequence[str]] = [[k, v] for k, v in facts.items()]
    return table(["what", "value"], rows)

"""The comparison's numbers in the terms of its targets. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass

from benchmarks.peers.facts import PeerResults, SubjectRun, Trial
from benchmarks.summary import middle

OF_PEER = 1.25
OF_DEFAULTS = 5.0
OF_BARE = 0.85
ADDED_P50_MS = 1.0
ADDED_P99_MS = 5.0


@dataclass(frozen=True, slots=True)
class Verdict:
    """One target: what was wanted, what was got; `got` is None when not measured."""

    what: str
    wanted: str
    got: float | None
    reached: bool


def runs_of(results: PeerResults, subject: str) -> list[SubjectRun]:
    """A subject's runs, one a repeat."""
    return [run for run in results.runs if run.subject == subject]


def peaks_qps(results: PeerResults, subject: str, slo_ms: float) -> list[float | None]:
    """The highest rate within the SLO, one a repeat."""
    runs = runs_of(results, subject)
    return [run.peak_qps.get(f"{slo_ms:g}") for run in runs]


def peak_qps(results: PeerResults, subject: str, slo_ms: float) -> float | None:
    """The median over repeats; a repeat without any rate within the SLO is left out."""
    return middle(peaks_qps(results, subject, slo_ms))


def best_closed_per_s(results: PeerResults, subject: str) -> float | None:
    """The median over repeats of the best closed loop."""
    return middle(
        max((one.throughput_per_s for one in run.closed), default=None)
        for run in runs_of(results, subject)
    )


def bare_per_s(results: PeerResults) -> float | None:
    """What the bare loop reaches at its best batch size, in images a second."""
    sizes = {one.batch for one in results.bare}
    each = [
        middle(one.images_per_s for one in results.bare if one.batch == size)
        for size in sizes
    ]
    return max((one for one in each if one is not None), default=None)


def best_of(
    results: PeerResults, ids: Iterable[str], slo_ms: float
) -> tuple[str, float] | None:
    """The subject with the highest peak, and that peak."""
    peaks = {one: peak_qps(results, one, slo_ms) for one in ids}
    known = {subject: qps for subject, qps in peaks.items() if qps is not None}
    if not known:
        return None
    best = max(known, key=lambda subject: known[subject])
    return best, known[best]


def at_peak(results: PeerResults, subject: str, slo_ms: float) -> list[Trial]:
    """The trial at the highest rate of each repeat."""
    found = []
    for run in runs_of(results, subject):
        peak = run.peak_qps.get(f"{slo_ms:g}")
        found += [
            trial
            for trial in run.trials
            if trial.slo_ms == slo_ms
            and peak is not None
            and abs(trial.target_qps - peak) < 0.01
        ]
    return found


def verdicts(results: PeerResults) -> list[Verdict]:
    """Every target, one line a target and SLO."""
    found = []
    for slo_ms in results.slos_ms:
        found += _against_servers(results, slo_ms)
    found += _against_bare(results)
    for one in results.added:
        title = title_of(results, one.subject)
        for name, bound_ms in (("p50", ADDED_P50_MS), ("p99", ADDED_P99_MS)):
            got = one.server_ms[name]
            what = f"{title}: added {name} at {one.load:.0%} load, ms"
            found.append(Verdict(what, f"<= {bound_ms:g}", got, got <= bound_ms))
    return found


def _against_servers(results: PeerResults, slo_ms: float) -> list[Verdict]:
    mine = best_of(results, ids_of(results, "headwater"), slo_ms)
    peer = best_of(results, ids_of(results, "peer"), slo_ms)
    found = [_times(results, mine, peer, OF_PEER, slo_ms)] if peer else []
    for subject in ids_of(results, "plain"):
        if subject.endswith("-defaults") and runs_of(results, subject):
            found.append(_against_defaults(results, mine, subject, slo_ms))
    return found


def _against_defaults(
    results: PeerResults, mine: tuple[str, float] | None, subject: str, slo_ms: float
) -> Verdict:
    plain = best_of(results, [subject], slo_ms)
    if plain is not None:
        return _times(results, mine, plain, OF_DEFAULTS, slo_ms)
    what = f"times {title_of(results, subject)}, which keeps p99 <= {slo_ms:g} ms never"
    return Verdict(what, f">= {OF_DEFAULTS:g}", None, mine is not None)


def _times(
    results: PeerResults,
    mine: tuple[str, float] | None,
    other: tuple[str, float],
    wanted: float,
    slo_ms: float,
) -> Verdict:
    got = mine[1] / other[1] if mine else None
    what = f"times {title_of(results, other[0])}, p99 <= {slo_ms:g} ms"
    return Verdict(what, f">= {wanted:g}", got, got is not None and got >= wanted)


def _against_bare(results: PeerResults) -> list[Verdict]:
    bare, found = bare_per_s(results), []
    for subject in ids_of(results, "headwater"):
        mine = best_closed_per_s(results, subject)
        got = mine / bare if mine and bare else None
        what = f"{title_of(results, subject)}: of the bare loop, closed loop"
        reached = got is not None and got >= OF_BARE
        found.append(Verdict(what, f">= {OF_BARE:g}", got, reached))
    return found


def ids_of(results: PeerResults, role: str) -> list[str]:
    """The subjects of a role, in the report's order."""
    return [one.id for one in results.subjects if one.role == role]


def title_of(results: PeerResults, subject: str) -> str:
    """What a subject is called in the report."""
    titles = {one.id: one.title for one in results.subjects}
    return titles.get(subject, subject)

"""Numbers out of latencies. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from statistics import median

from benchmarks.facts import Measurement, Outcome, RunName

MACHINE, WALL = "(machine)", "(wall)"


def percentile(values: Sequence[float], share: float) -> float | None:
    """The nearest-rank percentile: a value that was seen; None when nothing was.

    Args:
        values: in any order.
        share: 0 < share <= 1, 0.99 for p99.
    """
    if not values:
        return None
    if not 0 < share <= 1:
        raise ValueError(f"share must be in (0, 1], got {share}")
    rank = -(-len(values) * share // 1)  # the ceiling, without leaving float
    return sorted(values)[max(0, int(rank) - 1)]


def summarise(
    run: RunName, outcome: Outcome, clocks: Mapping[str, float]
) -> Measurement:
    """One line out of one run; CPU time is divided by good answers.

    `clocks`: seconds of CPU by process; under `MACHINE` those of the whole machine, and
    under `WALL` how long the clocks ran.
    """
    latencies, answers = outcome.latencies_ms, len(outcome.latencies_ms)
    ours = {k: v for k, v in clocks.items() if k not in (MACHINE, WALL)}
    return Measurement(
        **run.model_dump(),
        answers=answers,
        errors=dict(outcome.errors),
        throughput_per_s=answers / outcome.elapsed_s,
        p50_ms=percentile(latencies, 0.5),
        p90_ms=percentile(latencies, 0.9),
        p99_ms=percentile(latencies, 0.99),
        client_cores=outcome.client_cpu_s / outcome.elapsed_s,
        lag_p99_ms=percentile(outcome.lag_ms, 0.99),
        others_cores=others_cores(clocks, sum(ours.values()) + outcome.client_cpu_s),
        cpu_ms={k: 1000 * v / answers for k, v in ours.items()} if answers else {},
    )


def others_cores(clocks: Mapping[str, float], ours_s: float) -> float:
    """Cores that programs other than ours took, `ours_s` being our CPU seconds."""
    if not clocks.get(WALL):
        return 0.0
    return max(0.0, (clocks.get(MACHINE, 0.0) - ours_s) / clocks[WALL])


def best_per_s(measurements: Iterable[Measurement], subject: str) -> list[float]:
    """The highest closed-loop throughput of a subject, one number a repeat."""
    best: dict[int, float] = {}
    for one in measurements:
        if one.subject == subject and one.load == "closed":
            best[one.repeat] = max(best.get(one.repeat, 0.0), one.throughput_per_s)
    return list(best.values())


def middle(values: Iterable[float | None]) -> float | None:
    """The median over repeats of what was seen."""
    seen = [value for value in values if value is not None]
    return median(seen) if seen else None

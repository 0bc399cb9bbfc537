"""Results as a picture: highest throughput, and latency under open load."""

from collections.abc import Sequence
from pathlib import Path

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogFormatter

from benchmarks.facts import Results, SubjectFact
from benchmarks.summary import best_per_s, middle

COLOURS = {
    "bare": "#8a8f98",
    "plain": "#c98a3a",
    "peer": "#7d5ba6",
    "headwater": "#2a6f97",
}
_MARKERS = ("o", "s", "^", "D", "v")


def draw(results: Results, file: Path) -> None:
    """Write a PNG with one row for the model and one for the pipeline."""
    mpl.use("agg")
    figure = Figure(figsize=(14, 7), layout="constrained")
    axes = figure.subplots(2, 2, width_ratios=[1, 1])
    for row, group in zip(axes, ("model", "pipeline"), strict=True):
        subjects = [s for s in results.subjects if s.group == group]
        _draw_throughput(row[0], results, subjects, group)
        _draw_latency(row[1], results, subjects, group)
    note = f"{results.machine['cpu']}, {results.machine['cores']} cores, {results.date}"
    figure.suptitle(f"Headwater beside its baselines · {note}", fontsize=11)
    figure.savefig(file, dpi=120)


def draw_bar(
    axes: Axes, place: int, rates: Sequence[float], subject: SubjectFact
) -> None:
    """The middle of one subject's rates as a bar, with a whisker from least to most."""
    value = middle(rates)
    if value is None:
        return
    spread = [[value - min(rates)], [max(rates) - value]]
    axes.barh(place, value, xerr=spread, color=COLOURS[subject.role], height=0.6)
    axes.annotate(
        f" {value:,.0f}",
        (max(rates), place),
        va="center",
        xytext=(4, 0),
        textcoords="offset points",
    )


def _draw_throughput(
    axes: Axes, results: Results, subjects: list[SubjectFact], group: str
) -> None:
    for place, subject in enumerate(reversed(subjects)):
        draw_bar(axes, place, best_per_s(results.measurements, subject.id), subject)
    axes.set_yticks(range(len(subjects)), [s.title for s in reversed(subjects)])
    axes.margins(x=0.12)
    axes.set_xlabel("requests/s, highest closed loop (whisker: min to max)")
    axes.set_title(f"{group}: throughput", loc="left", fontsize=10)
    axes.spines[["top", "right"]].set_visible(False)


def _draw_latency(
    axes: Axes, results: Results, subjects: list[SubjectFact], group: str
) -> None:
    served = [subject for subject in subjects if subject.role != "bare"]
    for marker, subject in zip(_MARKERS, served, strict=False):
        points = _open_points(results, subject.id)
        if points:
            axes.plot(
                *zip(*points, strict=True),
                marker=marker,
                color=COLOURS[subject.role],
                label=subject.title,
                fillstyle="full" if subject.role == "headwater" else "none",
            )
    if axes.lines:
        axes.set_yscale("log")
        plain = LogFormatter(minor_thresholds=(2, 0.5))
        axes.yaxis.set_major_formatter(plain)
        axes.yaxis.set_minor_formatter(plain)
        axes.legend(
            fontsize=8, frameon=False, loc="upper left", bbox_to_anchor=(1.0, 1.0)
        )
    axes.set_xlabel("offered requests/s, Poisson arrivals")
    axes.set_ylabel("p99 ms from the intended send")
    axes.set_title(f"{group}: tail latency under open load", loc="left", fontsize=10)
    axes.spines[["top", "right"]].set_visible(False)


def _open_points(results: Results, subject: str) -> list[tuple[float, float]]:
    levels = sorted({m.level for m in results.measurements if m.load == "open"})
    points = []
    for level in levels:
        runs = [
            m
            for m in results.measurements
            if (m.subject, m.load, m.level) == (subject, "open", level)
        ]
        offered = middle(run.offered_per_s for run in runs)
        p99 = middle(run.p99_ms for run in runs)
        if offered is not None and p99 is not None:
            points.append((offered, p99))
    return points

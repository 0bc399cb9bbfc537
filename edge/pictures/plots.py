"""The figures; importing this imports matplotlib. Who calls saves them."""

from collections.abc import Collection, Mapping, Sequence

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import PathCollection
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter
from numpy.typing import NDArray

from models.recipes.compare import Contender
from models.recipes.plots import COLOURS

Counts = NDArray[np.int64]
Floats = NDArray[np.float64]

MOST_NUMBERS = 12
"""Classes of a confusion matrix whose cells still have room for a number."""

LEAST_AREA, MOST_AREA = 30.0, 300.0
BINS = 40

mpl.use("Agg")


def fronts(
    by_class: Mapping[str, Sequence[Contender]],
    chosen: Mapping[str, str],
    refused: Collection[str] = (),
) -> Figure:
    """Accuracy over estimated time, a panel a class; the larger a point, the larger the file.

    Args:
        by_class: what runs on each, `latency_ms` the estimate for it.
        chosen: the variant that each class gets, drawn as a star.
        refused: variants below their bar, drawn as crosses.
    """
    columns = max(1, len(by_class))
    figure = Figure(figsize=(4.2 * columns + 2.6, 4.2), layout="constrained")
    panels = figure.subplots(1, columns, sharey=True, squeeze=False)[0]
    names = sorted({row.variant for rows in by_class.values() for row in rows})
    sizes = [row.size_bytes for rows in by_class.values() for row in rows]
    for axes, (name, rows) in zip(panels, by_class.items(), strict=False):
        for row in rows:
            marker = "x" if row.variant in refused else "o"
            marker = "*" if chosen.get(name) == row.variant else marker
            area = _area(row.size_bytes, max(sizes))
            _point(axes, row, marker, area, names.index(row.variant))
        _front(axes, rows)
        axes.set(title=name, xlabel="estimated ms a row", xscale="log")
        _label_times(axes)
    panels[0].set(ylabel="top-1 %")
    handles, labels = panels[0].get_legend_handles_labels()
    for axes in panels[1:]:
        more = axes.get_legend_handles_labels()
        handles, labels = [*handles, *more[0]], [*labels, *more[1]]
    named = dict(zip(labels, handles, strict=True))
    legend = figure.legend(
        list(named.values()), list(named), loc="outside right center", fontsize=7
    )
    for handle in legend.legend_handles:
        if isinstance(handle, PathCollection):
            handle.set_sizes([LEAST_AREA])
    return figure


def confusion(
    matrices: Mapping[str, Counts], labels: Sequence[str], size: float = 5.2
) -> Figure:
    """Who is taken for whom: counts [classes (true), classes (answered)] by name."""
    columns, classes = len(matrices), len(labels)
    figure = Figure(figsize=(size * columns, size), layout="constrained")
    panels = figure.subplots(1, columns, squeeze=False)[0]
    for axes, (name, counts) in zip(panels, matrices.items(), strict=True):
        shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
        axes.imshow(shares, vmin=0, vmax=1, cmap="Blues")
        axes.set(title=name, xlabel="answered", ylabel="true")
        axes.set_xticks(range(classes), labels, rotation=90, fontsize=6)
        axes.set_yticks(range(classes), labels, fontsize=6)
        if classes <= MOST_NUMBERS:
            _numbers(axes, counts, shares)
    return figure


def margins(every: Floats, differing: Floats, close: float, name: str) -> Figure:
    """How far first and second class are apart where answers differ, beside all rows."""
    figure = Figure(figsize=(7.5, 3.6), layout="constrained")
    axes = figure.subplots()
    top = float(np.percentile(every, 99)) if every.size else 1.0
    bins = np.linspace(0, max(top, close), BINS + 1).tolist()
    for values, told, colour in (
        (every, "all rows", COLOURS[6]),
        (differing, "rows with another answer", COLOURS[1]),
    ):
        if values.size:
            weights = np.full(len(values), 1 / len(values))
            axes.hist(
                values, bins, weights=weights, alpha=0.6, color=colour, label=told
            )
    axes.axvline(close, color="black", linewidth=1, label="close calls are below")
    axes.set(xlabel=f"first minus second class, {name}", ylabel="share of rows")
    axes.legend()
    return figure


def threads(times: Sequence[tuple[int, float, float]]) -> Figure:
    """Median time by number of threads, a whisker up to the 99th percentile.

    Args:
        times: of each number of threads the p50 and the p99, in ms.
    """
    counts, middle, late = (list(column) for column in zip(*times, strict=True))
    above = [high - low for low, high in zip(middle, late, strict=True)]
    figure = Figure(figsize=(5, 3.4), layout="constrained")
    axes = figure.subplots()
    axes.errorbar(
        counts, middle, [[0.0] * len(middle), above], fmt="o-", capsize=3,
        color=COLOURS[0],
    )  # fmt: skip
    axes.set(xlabel="threads", ylabel="ms a row: p50, up to p99", ylim=(0, None))
    axes.set_xticks(counts)
    return figure


def _point(axes: Axes, row: Contender, marker: str, area: float, number: int) -> None:
    if row.top1 is None or row.latency_ms is None:
        return
    value, low, high = (
        100 * one for one in (row.top1.value, row.top1.low, row.top1.high)
    )
    colour = COLOURS[number % len(COLOURS)]
    axes.errorbar(
        row.latency_ms, value, [[value - low], [high - value]], color=colour,
        elinewidth=0.8, capsize=2, fmt="none",
    )  # fmt: skip
    axes.scatter(
        [row.latency_ms], [value], s=area, marker=marker, color=colour, alpha=0.85,
        label=row.variant,
    )  # fmt: skip


def _label_times(axes: Axes) -> None:
    """A few plain numbers, however short the axis is."""
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.xaxis.set_major_formatter("{x:g}")
    axes.xaxis.set_minor_formatter(NullFormatter())


def _front(axes: Axes, rows: Sequence[Contender]) -> None:
    """A line through what nothing beats."""
    points = sorted(
        (row.latency_ms, 100 * row.top1.value)
        for row in rows
        if row.is_best and row.top1 is not None and row.latency_ms is not None
    )
    if points:
        x, y = zip(*points, strict=True)
        axes.plot(x, y, color="black", linewidth=0.8, linestyle="--", zorder=0)


def _area(size_bytes: int, largest: int) -> float:
    return LEAST_AREA + (MOST_AREA - LEAST_AREA) * size_bytes / max(largest, 1)


def _numbers(axes: Axes, counts: Counts, shares: Floats) -> None:
    for row, column in np.ndindex(*counts.shape):
        if counts[row, column]:
            colour = "white" if shares[row, column] > 0.5 else "black"
            axes.text(
                column, row, str(counts[row, column]), ha="center", va="center",
                fontsize=6, color=colour,
            )  # fmt: skip

"""Pictures of a report; importing this imports matplotlib."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import matplotlib as mpl
from matplotlib.figure import Figure

from models.recipes.compare import Contender

BAR = "#0969da"
COLOURS = (
    "#0969da", "#cf222e", "#1a7f37", "#8250df", "#bf8700", "#0c8599", "#57606a",
    "#e85aad", "#5c3a00", "#74b816",
)  # fmt: skip
MOST_LAYERS = 40

mpl.use("Agg")


def costs(rows: Sequence[Contender], refused: str | None, target: Path) -> None:
    """Accuracy over time and over size; a star: no other variant beats it."""
    drawn = [row for row in rows if row.top1 is not None and row.latency_ms is not None]
    figure = Figure(figsize=(11, 4.4), layout="constrained")
    both = figure.subplots(1, 2, sharey=True)
    for number, row in enumerate(drawn):
        top1, low, high = _percents(row)
        marker = "x" if row.variant == refused else "*" if row.is_best else "o"
        for axes, x in zip(both, (row.latency_ms, row.size_bytes / 1e6), strict=True):
            axes.errorbar(
                x, top1, [[top1 - low], [high - top1]], fmt=marker, capsize=3,
                color=COLOURS[number % len(COLOURS)], label=_name(row, drawn),
                markersize=13 if marker == "*" else 7, elinewidth=0.8, alpha=0.9,
            )  # fmt: skip
    both[0].set(xlabel="ms, batch 1, one thread", ylabel="top-1 %", xlim=(0, None))
    both[1].set(xlabel="MB", xlim=(0, None))
    if drawn:
        both[1].legend(loc="center left", bbox_to_anchor=(1.02, 0.5))
    figure.savefig(target, dpi=120)


def layers(sensitivity: Mapping[str, float], unit: str, target: Path) -> None:
    """One bar a layer, the most sensitive on top."""
    shown = sorted(sensitivity.items(), key=lambda one: one[1])[:MOST_LAYERS]
    figure = Figure(figsize=(8, 1.2 + 0.2 * len(shown)), layout="constrained")
    axes = figure.subplots()
    axes.barh([name for name, _ in shown], [value for _, value in shown], color=BAR)
    axes.invert_yaxis()
    axes.set(xlabel=unit)
    axes.tick_params(axis="y", labelsize=7)
    figure.savefig(target, dpi=120)


def curves(points: Sequence[Mapping[str, float]], over: str, target: Path) -> None:
    """Every number of `points` over the one named `over`."""
    figure = Figure(figsize=(8, 3.6), layout="constrained")
    axes = figure.subplots()
    for name in points[0]:
        if name != over:
            axes.plot(
                [point[over] for point in points],
                [point.get(name, float("nan")) for point in points],
                label=name,
            )
    axes.set(xlabel=over)
    axes.legend()
    figure.savefig(target, dpi=120)


def _percents(row: Contender) -> tuple[float, float, float]:
    share = row.top1
    if share is None:
        return 0.0, 0.0, 0.0
    return 100 * share.value, 100 * share.low, 100 * share.high


def _name(row: Contender, rows: Sequence[Contender]) -> str:
    one_model = len({other.model for other in rows}) == 1
    return row.variant if one_model else f"{row.model} {row.variant}"

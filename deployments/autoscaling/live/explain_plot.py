"""The history of one deployment as a picture: replicas above, load and forecast below."""

from collections.abc import Sequence
from datetime import datetime, timezone
from pathlib import Path

from deployments.autoscaling.errors import PlotUnavailable
from deployments.autoscaling.live.explain import History
from deployments.autoscaling.live.journal import Line

OURS, REACTIVE, SEEN = "#2a6f97", "#c98b3c", "#8a8f98"


def draw(told: History, file: Path) -> None:
    """Write a PNG.

    Raises:
        PlotUnavailable: matplotlib is not installed.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise PlotUnavailable from error
    figure = Figure(figsize=(9, 6), layout="constrained")
    above, below = figure.subplots(2, sharex=True)
    at = [_time(line) for line in told.decisions]
    for key, label, colour in (
        ("replicas", "decided", OURS),
        ("reactive", "a reactive rule", REACTIVE),
        ("ready", "ready", SEEN),
    ):
        above.step(
            at, _column(told.decisions, key), where="post", label=label, color=colour
        )
    for start in told.starts:
        above.axvline(_time(start), color=SEEN, linewidth=0.5, linestyle=":")
    above.set_ylabel("replicas (dotted: one is ready)")
    above.legend(loc="upper left")
    below.plot(at, _column(told.decisions, "arrivals_per_s"), color=SEEN, label="came")
    below.plot(at, _column(told.decisions, "point"), color=OURS, label="forecast")
    below.plot(
        at, _column(told.decisions, "quantile"), color=OURS, linestyle="--",
        label="its quantile",
    )  # fmt: skip
    below.set_ylabel("requests a second")
    below.legend(loc="upper left")
    for axes in (above, below):
        axes.grid(alpha=0.3)
        axes.set_ylim(bottom=0)
    above.set_title(f"{told.name} of {told.application}")
    figure.savefig(file, dpi=120)


def _time(line: Line) -> datetime:
    return datetime.fromtimestamp(line["at_s"], tz=timezone.utc)


def _column(lines: Sequence[Line], key: str) -> list[float]:
    return [float("nan") if line.get(key) is None else line[key] for line in lines]

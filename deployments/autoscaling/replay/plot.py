"""Outcomes as a picture: late requests over cost, down and left is better."""

from collections.abc import Sequence
from pathlib import Path

from deployments.autoscaling.errors import PlotUnavailable
from deployments.autoscaling.replay.runner import Outcome


def draw(outcomes: Sequence[Outcome], file: Path) -> None:
    """Write a PNG.

    Raises:
        PlotUnavailable: matplotlib is not installed.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise PlotUnavailable from error
    figure = Figure(figsize=(7, 5), layout="constrained")
    axes = figure.subplots()
    for one in outcomes:
        at = (one.cost_vs_oracle, one.violations_percent)
        ours = one.policy == "headwater"
        axes.scatter(*at, color="#2a6f97" if ours else "#8a8f98", zorder=3)
        axes.annotate(
            one.policy, at, xytext=(5, 4), textcoords="offset points", rotation=25
        )
    axes.set_yscale("symlog", linthresh=0.01)
    axes.set_ylim(bottom=-0.002)
    axes.set_xlabel("replica-seconds beside hindsight")
    axes.set_ylabel("late requests, %")
    axes.grid(alpha=0.3)
    axes.set_title(f"{outcomes[0].trace}, starts take {outcomes[0].cold_start_s} s")
    figure.savefig(file, dpi=120)

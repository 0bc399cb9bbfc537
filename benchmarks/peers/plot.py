"""The comparison as a picture: highest rate within the SLO beside the bare loop."""

from pathlib import Path

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from benchmarks.peers.facts import PeerResults
from benchmarks.peers.verdict import bare_per_s, peaks_qps
from benchmarks.plot import COLOURS, draw_bar


def draw(results: PeerResults, file: Path) -> None:
    """Write a PNG with one panel for each SLO."""
    mpl.use("agg")
    count = len(results.slos_ms)
    figure = Figure(figsize=(9 * count, 6), layout="constrained")
    panels = figure.subplots(1, count, squeeze=False)[0]
    for axes, slo_ms in zip(panels, results.slos_ms, strict=True):
        _draw_peaks(axes, results, slo_ms)
    note = f"{results.machine['cpu']}, {results.machine['cores']} cores, {results.date}"
    figure.suptitle(f"Model servers, layout {results.layout} · {note}", fontsize=11)
    figure.savefig(file, dpi=120)


def _draw_peaks(axes: Axes, results: PeerResults, slo_ms: float) -> None:
    for place, subject in enumerate(reversed(results.subjects)):
        peaks = [q for q in peaks_qps(results, subject.id, slo_ms) if q is not None]
        draw_bar(axes, place, peaks, subject)
    bare = bare_per_s(results)
    if bare is not None:
        axes.axvline(bare, color=COLOURS["bare"], linestyle="--", label="bare loop")
        axes.legend(fontsize=8, frameon=False, loc="lower right")
    names = [subject.title for subject in reversed(results.subjects)]
    axes.set_yticks(range(len(names)), names)
    axes.margins(x=0.12)
    axes.set_xlabel("queries/s, MLPerf LoadGen Server scenario (whisker: min to max)")
    axes.set_title(f"highest rate with p99 <= {slo_ms:g} ms", loc="left", fontsize=10)
    axes.spines[["top", "right"]].set_visible(False)

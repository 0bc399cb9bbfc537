"""Draws where something can draw; matplotlib is imported with the first picture."""

from importlib import import_module
from pathlib import Path


def drawn(target: Path, plot: str, *arguments: object) -> str | None:
    """Write the figure `plot` of `edge.pictures.plots` to `target`; its file's name.

    None: matplotlib is not installed.
    """
    try:
        plots = import_module("edge.pictures.plots")
    except ImportError:
        return None
    figure = getattr(plots, plot)(*arguments)
    figure.savefig(target, dpi=120, bbox_inches="tight", metadata={"Software": ""})
    return target.name

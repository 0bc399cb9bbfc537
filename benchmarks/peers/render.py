"""Writes the report of a saved comparison: `python -m benchmarks.peers.render FILE.json`."""

from pathlib import Path

import typer

from benchmarks.peers.facts import PeerResults
from benchmarks.peers.plot import draw
from benchmarks.peers.report import report


def write_report(results: PeerResults, stem: Path) -> str:
    """Write the table and the picture beside the numbers; returns the table."""
    text = report(results)
    draw(results, stem.with_suffix(".png"))
    picture = f"![Highest rates]({stem.name}.png)\n"
    stem.with_suffix(".md").write_text(f"{text}\n{picture}", encoding="utf-8")
    return text


def main(saved: Path) -> None:
    """Write the table and the picture of a saved comparison anew."""
    results = PeerResults.model_validate_json(saved.read_bytes())
    write_report(results, saved.with_suffix(""))


if __name__ == "__main__":
    typer.run(main)

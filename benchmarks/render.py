"""Writes the report of a saved run anew: `python -m benchmarks.render FILE.json`."""

from pathlib import Path

import typer

from benchmarks.facts import Results
from benchmarks.plot import draw
from benchmarks.report import report, undisturbed


def write_report(results: Results, stem: Path) -> str:
    """Write the table and the picture beside the numbers; returns the table."""
    text = report(results)
    draw(undisturbed(results), stem.with_suffix(".png"))
    picture = f"![Throughput and tail latency]({stem.name}.png)\n"
    stem.with_suffix(".md").write_text(f"{text}\n{picture}", encoding="utf-8")
    return text


def main(saved: Path) -> None:
    """Write the table and the picture of a saved run anew."""
    results = Results.model_validate_json(saved.read_bytes())
    write_report(results, saved.with_suffix(""))


if __name__ == "__main__":
    typer.run(main)

"""What each technique of the workshop gains and costs: `python -m benchmarks.techniques`.

Runs recipes and prints a Markdown table: each variant beside what its bar compares it with,
timed in turns with it in the same run. `--data FOLDER` judges photo recipes on photos of
yours. Pieces and measurements that are there are not made again (`--force`: they are); the
last column is what this run took.
"""

import argparse
import sys
import time
from pathlib import Path

from configs.catalogue import Catalogue, load_catalogue, packaged_catalogue
from configs.environment import Environment, load_environment
from models.card import QualityFact
from models.recipes.engine import Engine, Result
from models.recipes.judged import Judged
from models.recipes.photos import judged_on
from models.steps.registry import TOOLBOX
from models.store import Store
from models.workshop import Workshop

HEAD = (
    "recipe",
    "MB",
    "smaller",
    "ms a row",
    "faster",
    "faster, 32 rows",
    "top-1 lost, points (95%)",
    "photos",
    "verdict",
    "took s",
)
ALONE, MANY = 1, 32


def main() -> None:
    """Run what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("recipes", nargs="+")
    parser.add_argument("--data", nargs="*", type=Path, default=[])
    parser.add_argument("--force", action="store_true")
    asked = parser.parse_args()
    environment = load_environment()
    catalogue = load_catalogue(environment.catalogue or packaged_catalogue())
    _say(HEAD)
    _say(["---"] * len(HEAD))
    for recipe in asked.recipes:
        taught = catalogue.recipes[recipe].data.train is not None
        chosen = (
            judged_on(catalogue, recipe, asked.data)
            if asked.data and not taught
            else catalogue
        )
        _say(_row(environment, chosen, recipe, asked.force))


def _row(
    environment: Environment, catalogue: Catalogue, recipe: str, force: bool
) -> list[str]:
    workshop = Workshop(catalogue, Store(environment.store), environment.home / "cache")
    engine = Engine(workshop, TOOLBOX, environment.workshop)
    if force:
        engine.forget(recipe)
    began = time.monotonic()
    result = engine.run(recipe)
    took_s = time.monotonic() - began
    return [recipe, *cells(result), f"{took_s:.0f}"]


def cells(result: Result) -> list[str]:
    """The row of one result, without its name and the time it took."""
    judged, reference = result.judged, result.judged.reference
    return [
        f"{judged.size_bytes / 1e6:.2f}",
        _times(reference.size_bytes / judged.size_bytes if reference else None),
        "" if judged.latency_ms is None else f"{judged.latency_ms:.2f}",
        _times(_faster(judged, reference, ALONE)),
        _times(_faster(judged, reference, MANY)),
        "; ".join(_lost(fact) for fact in judged.quality),
        "; ".join(str(fact.top1.n) for fact in judged.quality),
        "below its bar" if result.refused else "stored",
    ]


def _faster(judged: Judged, reference: Judged | None, batch: int) -> float | None:
    """How often the variant fits in the reference's time: `batch` rows on one thread."""
    own, other = (_p50_ms(one, batch) for one in (judged, reference))
    return other / own if own and other else None


def _p50_ms(judged: Judged | None, batch: int) -> float | None:
    facts = judged.latency if judged is not None else ()
    fitting = (f.p50_ms for f in facts if (f.batch_size, f.threads) == (batch, 1))
    return next(fitting, None)


def _times(ratio: float | None) -> str:
    return "" if ratio is None else f"{ratio:.2f}x"


def _lost(fact: QualityFact) -> str:
    drop = fact.drop_points
    if drop is None:
        return f"(top-1 {fact.top1.value:.1%})"
    return f"{drop.value:+.1f} ({drop.low:+.1f} to {drop.high:+.1f})"


def _say(cells: list[str] | tuple[str, ...]) -> None:
    sys.stdout.write("| " + " | ".join(cells) + " |\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()

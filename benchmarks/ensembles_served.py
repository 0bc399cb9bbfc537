"""A cascade beside the vote of all: `python -m benchmarks.ensembles_served --photos FOLDER`.

Fits a cascade on the first half of the photos (`labels.csv`: file, class_index), then sends
photos of the other half, one a request, through both pipelines as a replica runs them:
decoding, crops, members, vote. One thread, no network; CPU seconds of this process.
"""

import argparse
import asyncio
import sys
import time
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.ensembles import PHOTO_MEMBERS, cards_of, logits_of
from configs.catalogue import Catalogue, load_catalogue, packaged_catalogue
from configs.environment import load_environment
from configs.pipeline import PipelineSpec
from deployments.blueprint import draw
from deployments.ensembles.node import Ensemble
from deployments.graph import Graph
from deployments.layout import INGRESS, step_name
from deployments.messages import Request
from deployments.nodes import Node
from deployments.slots import Slots
from models.costs import costs_ms
from models.datasets import Dataset, open_folder
from models.fitted import Fitting, Found, fit_all
from models.store import Store

WHOLE, OWN = "vision", "cascade"
WARM = 5


@dataclass(slots=True)
class Seen:
    """What one pipeline did: CPU seconds, and how many photos it got right."""

    cpu_s: float = 0.0
    right: int = 0


def main() -> None:
    """Measure and print Markdown."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--photos", type=Path, required=True)
    parser.add_argument("--count", type=int, default=250)
    parser.add_argument("--drop", type=float, default=0.2)
    asked = parser.parse_args()
    environment = load_environment()
    store = Store(environment.store)
    catalogue = load_catalogue(environment.catalogue or packaged_catalogue())
    dataset = open_folder(asked.photos)
    dealt = np.random.default_rng(0).permutation(len(dataset.photos))
    fitted, judged = np.array_split(dealt, 2)
    spec = _spec(catalogue, asked.drop)
    found = _fit(store, spec, _part(dataset, fitted))
    pipelines = {
        WHOLE: catalogue.pipelines[WHOLE],
        OWN: spec.model_copy(update={"ensemble": _given(spec, found)}),
    }
    graph = _open(replace(catalogue, pipelines=pipelines), store)
    photos = _part(dataset, judged[: asked.count])
    _tell(asyncio.run(_send(graph, photos)), len(photos.photos))
    cascade = graph.node(step_name(OWN, "ensemble"))
    if isinstance(cascade, Ensemble):
        stats = cascade.stats
        sys.stdout.write(f"\nRows by members run: {stats.members_run}\n")
        sys.stdout.write(f"Crops that nobody needed: {stats.crops_spared}\n")


def _spec(catalogue: Catalogue, drop_points: float) -> PipelineSpec:
    """The members of the packaged pipeline as a cascade."""
    content = catalogue.pipelines[WHOLE].model_dump(exclude={"ensemble"})
    names = [name.split("/")[0] for name in PHOTO_MEMBERS]
    ensemble = {
        "strategy": "cascade",
        "members": [{"model": name} for name in names],
        "weights": "fitted",
        "temperatures": "fitted",
        "max_drop_points": drop_points,
        "fit_on": catalogue.pipelines[WHOLE].ensemble.fit_on,
    }
    return PipelineSpec.model_validate({**content, "id": OWN, "ensemble": ensemble})


def _fit(store: Store, spec: PipelineSpec, photos: Dataset) -> Found:
    cards = cards_of(store, PHOTO_MEMBERS)
    costs, _ = costs_ms(store, cards)
    logits = tuple(logits_of(store, card, photos) for card in cards)
    return fit_all(Fitting(spec, photos, logits, costs))


def _given(spec: PipelineSpec, found: Found) -> object:
    """What was found, as numbers of the spec."""
    thresholds = found.cascade.thresholds if found.cascade else ()
    numbers = {
        "weights": found.weights,
        "temperatures": tuple(fact.temperature for fact in found.calibration),
        "thresholds": thresholds,
    }
    return spec.ensemble.model_copy(update=numbers)


def _part(dataset: Dataset, rows: NDArray[np.int64]) -> Dataset:
    return replace(dataset, photos=tuple(dataset.photos[row] for row in rows))


def _open(catalogue: Catalogue, store: Store) -> Graph:
    def reach(deployment: str, node: str) -> Node:
        raise LookupError(f"{node} on {deployment}: everything is here")

    graph = Graph(draw(catalogue, store, [WHOLE, OWN]), INGRESS, Slots(1), reach)
    graph.load()
    return graph


async def _send(graph: Graph, photos: Dataset) -> dict[str, Seen]:
    """Each photo to both in turns: what else the machine does falls on both alike."""
    seen = {name: Seen() for name in (WHOLE, OWN)}
    pipelines = {name: graph.pipeline(name) for name in seen}
    for number, photo in enumerate((*photos.photos[:WARM], *photos.photos)):
        content = np.empty(1, np.object_)
        content[0] = photo.file.read_bytes()
        for name, pipeline in pipelines.items():
            began_s = time.process_time()
            reply = await pipeline.infer(Request(name, {"image": content}))
            if number >= WARM:
                seen[name].cpu_s += time.process_time() - began_s
                best = int(reply.outputs["class_index"][0, 0])
                seen[name].right += best == photo.class_index
    await graph.close()
    return seen


def _tell(seen: dict[str, Seen], count: int) -> None:
    sys.stdout.write(f"{count} photos.\n\n")
    sys.stdout.write("| pipeline | CPU ms a photo | of it % | right |\n")
    sys.stdout.write("|---|---|---|---|\n")
    for name, one in seen.items():
        share = 100 * one.cpu_s / seen[WHOLE].cpu_s
        cells = [name, f"{1e3 * one.cpu_s / count:.1f}", f"{share:.0f}", str(one.right)]
        sys.stdout.write(f"| {' | '.join(cells)} |\n")


if __name__ == "__main__":
    main()

"""What a cascade saves: `python -m benchmarks.ensembles --photos FOLDER`.

Fits a cascade on half of the photos (`labels.csv`: file, class_index) and judges it on the
other half, over many splits. The members are timed in turns in the same run; compute is
the sum of the times of the members asked, as a share of that of all members. Without
`--photos`: a ladder of Fashion-MNIST variants on its 10000 test photos.
"""

import argparse
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from configs.catalogue import load_catalogue, packaged_catalogue
from configs.environment import load_environment
from configs.model import ImageSpec
from models.calibration import fit_temperature, tempered
from models.card import Card
from models.cascade import Climb, climb, fit_threshold, stages
from models.cascade_fit import Voters, cost_share
from models.datasets import Dataset, crops, open_dataset, open_folder
from models.ensembles import Confidence, fit_weights, soft_vote
from models.runtime import Runner, logits_of_crops
from models.store import Store

Floats = NDArray[np.float32]
Classes = NDArray[np.int64]
Flags = NDArray[np.bool_]

PHOTO_MEMBERS = tuple(f"efficientnet-lite{size}/int8-onnx" for size in range(3))
FASHION_MEMBERS = tuple(
    f"fashion-mnist/{variant}"
    for variant in ("student-int8", "pruned-fp32", "teacher-fp32")
)
WARM, ROUNDS = 5, 60
KINDS: tuple[Confidence, ...] = ("margin", "probability", "agreement")
HEAD = (
    "photos",
    "weights, temperatures",
    "stops by",
    "promised, points",
    "threshold",
    "ensemble top-1 %",
    "cascade top-1 %",
    "points lost (95% of splits)",
    "against an equal vote",
    "compute %",
    "members run",
)


@dataclass(frozen=True, slots=True)
class Split:
    """One fit, judged on photos that it did not see."""

    threshold: float
    whole: float
    own: float
    equal: float
    cost_share: float
    members_run: float


def main() -> None:
    """Measure what was asked for and print Markdown."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--photos", nargs="*", type=Path, default=[])
    parser.add_argument("--splits", type=int, default=50)
    parser.add_argument("--drop", nargs="*", type=float, default=[0.2, 0.5])
    parser.add_argument("--members", nargs="*", help="MODEL/VARIANT, two or more.")
    asked = parser.parse_args()
    environment = load_environment()
    store, cache = Store(environment.store), environment.home / "cache"
    names = asked.members or (PHOTO_MEMBERS if asked.photos else FASHION_MEMBERS)
    cards = cards_of(store, names)
    datasets = [open_folder(folder) for folder in asked.photos]
    if not datasets:
        catalogue = load_catalogue(environment.catalogue or packaged_catalogue())
        spec = catalogue.datasets[cards[0].quality[0].dataset]
        datasets = [open_dataset(spec, cache)]
    costs_ms = _time(store, cards)
    _say_members(cards, costs_ms)
    _say(HEAD)
    _say(["---"] * len(HEAD))
    for dataset in datasets:
        logits = [logits_of(store, card, dataset) for card in cards]
        _measure(dataset, logits, costs_ms, asked)


def _measure(
    dataset: Dataset,
    logits: Sequence[Floats],
    costs_ms: Sequence[float],
    asked: argparse.Namespace,
) -> None:
    order = sorted(range(len(costs_ms)), key=lambda member: costs_ms[member])
    ordered = [logits[member] for member in order]
    costs = tuple(costs_ms[member] for member in order)
    equal = soft_vote(logits, [1.0] * len(logits)).argmax(axis=1) == dataset.labels
    for word in ("equal", "fitted"):
        voters = _voters(ordered, costs, dataset.labels, word == "fitted")
        for kind in KINDS:
            found = _split_all(voters, equal, kind, asked)
            for drop, splits in zip(asked.drop, found, strict=True):
                told = [f"{dataset.name} {len(dataset.labels)}", word, kind]
                _say([*told, f"{drop:g}", *_cells(splits)])


def _split_all(
    voters: Voters, equal: Flags, kind: Confidence, asked: argparse.Namespace
) -> list[list[Split]]:
    n = len(voters.labels)
    found: list[list[Split]] = [[] for _ in asked.drop]
    for seed in range(asked.splits):
        dealt = np.random.default_rng(seed).permutation(n)
        fitted, judged = dealt[: n // 2], dealt[n // 2 :]
        distributions, weights = voters.vote(fitted)
        whole = climb(distributions, weights, voters.labels, kind)
        today = float(equal[judged].mean())
        for splits, drop in zip(found, asked.drop, strict=True):
            threshold = fit_threshold(whole.part(fitted), drop)
            held = _judge(whole.part(judged), threshold, voters.costs_ms)
            splits.append(replace(held, equal=today))
    return found


def _judge(found: Climb, threshold: float, costs_ms: Sequence[float]) -> Split:
    stage = stages(found, threshold)
    right = found.right[stage, np.arange(found.n)]
    return Split(
        threshold,
        float(found.right[-1].mean()),
        float(right.mean()),
        0.0,
        cost_share(stage, costs_ms),
        float(stage.mean()) + 1,
    )


def _voters(
    logits: Sequence[Floats], costs_ms: tuple[float, ...], labels: Classes, hot: bool
) -> Voters:
    """With equal weights and logits as they are, or with both fitted on each half."""

    def equal(fitted: Classes) -> tuple[Sequence[Floats], Sequence[float]]:
        return plain, [1.0] * len(logits)

    def vote(fitted: Classes) -> tuple[Sequence[Floats], Sequence[float]]:
        at = [fit_temperature(own[fitted], labels[fitted]) for own in logits]
        said = [tempered(own, each) for own, each in zip(logits, at, strict=True)]
        likely = [own[fitted, labels[fitted]].astype(np.float64) for own in said]
        return said, list(fit_weights(np.stack(likely)))

    plain = [tempered(own, 1.0) for own in logits]
    names = tuple(map(str, range(len(logits))))
    return Voters(names, costs_ms, labels, vote if hot else equal)


def _cells(splits: Sequence[Split]) -> list[str]:
    lost = [100 * (one.whole - one.own) for one in splits]
    low, high = np.percentile(lost, [2.5, 97.5])
    return [
        f"{np.mean([one.threshold for one in splits]):.2f}",
        f"{100 * np.mean([one.whole for one in splits]):.2f}",
        f"{100 * np.mean([one.own for one in splits]):.2f}",
        f"{np.mean(lost):+.3f} ({low:+.2f} to {high:+.2f})",
        f"{100 * np.mean([one.equal - one.own for one in splits]):+.3f}",
        f"{100 * np.mean([one.cost_share for one in splits]):.1f}",
        f"{np.mean([one.members_run for one in splits]):.2f}",
    ]


def cards_of(store: Store, names: Sequence[str]) -> list[Card]:
    """The stored cards of MODEL/VARIANT names."""
    split = [name.split("/") for name in names]
    return [store.card(model, 1, variant) for model, variant in split]


def _time(store: Store, cards: Sequence[Card]) -> list[float]:
    """Median milliseconds of one photo on one thread, the members in turns."""
    turns = []
    for card in cards:
        shape = (1, *card.inputs[0].shape)
        rows = np.random.default_rng(0).normal(size=shape).astype(np.float32)
        turns.append((Runner(store.file(card.model_file), threads=1), rows))
    spent_ms: list[list[float]] = []
    for _ in range(WARM + ROUNDS):
        spent_ms.append([_run_ms(runner, rows) for runner, rows in turns])
    return [float(ms) for ms in np.median(spent_ms[WARM:], axis=0)]


def _run_ms(runner: Runner, rows: Floats) -> float:
    began_s = time.perf_counter()
    runner.logits(rows)
    return 1e3 * (time.perf_counter() - began_s)


def logits_of(store: Store, card: Card, dataset: Dataset) -> Floats:
    """What a stored variant says to every photo, [n, classes]."""
    image = card.image or ImageSpec(size_px=1)
    runner = Runner(store.file(card.model_file))
    return logits_of_crops(runner, crops(dataset, image), image)


def _say_members(cards: Sequence[Card], costs_ms: Sequence[float]) -> None:
    told = [
        f"{card.model} {card.variant} {cost:.2f} ms"
        for card, cost in zip(cards, costs_ms, strict=True)
    ]
    sys.stdout.write(f"Members, one photo on one thread: {', '.join(told)}.\n\n")


def _say(cells: Sequence[str]) -> None:
    sys.stdout.write(f"| {' | '.join(cells)} |\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()

"""Every number that is fitted for an ensemble, found on labelled photos. Pure."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from configs.pipeline import MAX_CHOICE, CascadeSpec, PipelineSpec
from models.calibration import fit_temperature, tempered
from models.card import CalibrationFact, CascadeFact, QualityFact, SubsetFact
from models.cascade import NEVER, least_points
from models.cascade_fit import FEW_PHOTOS, Promise, Voters, fit_cascade
from models.datasets import Dataset
from models.ensembles import fit_weights, log_loss, mean_vote
from models.evaluate import calibration_error, quality
from models.progress import Progress, silent
from models.weights import first_members

Floats = NDArray[np.float32]
Classes = NDArray[np.int64]
SMALLEST = np.finfo(np.float64).tiny


@dataclass(frozen=True, slots=True)
class Fitting:
    """What numbers are fitted on: the members' logits [n, classes], and their costs."""

    pipeline: PipelineSpec
    dataset: Dataset
    logits: tuple[Floats, ...]
    costs_ms: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Found:
    """What was found; see `models.card.EnsembleCard`."""

    weights: tuple[float, ...]
    log_loss_uniform: float
    log_loss: float
    quality: QualityFact
    calibration: tuple[CalibrationFact, ...]
    cascade: CascadeFact | None
    subsets: tuple[SubsetFact, ...]
    warnings: tuple[str, ...]


def fit_all(fitting: Fitting, progress: Progress = silent) -> Found:
    """Temperatures, weights, what every choice of members is worth, and a cascade.

    All of it is found whatever the strategy, so that a report tells what another one
    would do; served is what the spec asks for.
    """
    labels = fitting.dataset.labels
    rows = np.arange(len(labels))
    calibration = tuple(_calibrate(own, labels) for own in fitting.logits)
    progress("fit", 1, 3)
    distributions, weights = vote_of(fitting, rows)
    likely = _likelihoods(distributions, labels)
    equal = np.full(len(weights), 1 / len(weights))
    subsets = tuple(_subsets(distributions, weights, labels))
    progress("fit", 2, 3)
    cascade = _cascade(fitting)
    progress("fit", 3, 3)
    first = first_members(fitting.pipeline)
    whole = mean_vote([distributions[m] for m in first], [weights[m] for m in first])
    return Found(
        weights=tuple(weights),
        log_loss_uniform=log_loss(likely, equal),
        log_loss=log_loss(likely, np.asarray(weights)),
        quality=quality(fitting.dataset, whole),
        calibration=calibration,
        cascade=cascade,
        subsets=subsets,
        warnings=tuple(_warnings(fitting, cascade)),
    )


def vote_of(fitting: Fitting, fitted: Classes) -> tuple[list[Floats], list[float]]:
    """Every member's distributions and weight as served, fitted on some of the photos.

    What the spec gives as numbers, or leaves as it is, is taken from there.
    """
    spec, labels = fitting.pipeline.ensemble, fitting.dataset.labels
    given = spec.temperatures if isinstance(spec.temperatures, tuple) else None
    distributions = []
    for member, own in enumerate(fitting.logits):
        at = given[member] if given else 1.0
        if spec.temperatures == "fitted":
            at = fit_temperature(own[fitted], labels[fitted])
        distributions.append(tempered(own, at))
    if isinstance(spec.weights, tuple):
        return distributions, [one / sum(spec.weights) for one in spec.weights]
    if spec.weights == "uniform":
        return distributions, [1 / len(distributions)] * len(distributions)
    seen = [own[fitted] for own in distributions]
    found = fit_weights(_likelihoods(seen, labels[fitted]))
    return distributions, [float(weight) for weight in found]


def _calibrate(logits: Floats, labels: Classes) -> CalibrationFact:
    temperature = fit_temperature(logits, labels)
    return CalibrationFact(
        temperature=temperature,
        before=calibration_error(tempered(logits, 1.0), labels),
        after=calibration_error(tempered(logits, temperature), labels),
    )


def _likelihoods(
    distributions: Sequence[Floats], labels: Classes
) -> NDArray[np.float64]:
    rows = np.arange(len(labels))
    return np.stack([own[rows, labels].astype(np.float64) for own in distributions])


def _subsets(
    distributions: Sequence[Floats], weights: Sequence[float], labels: Classes
) -> Iterator[SubsetFact]:
    """How each choice of members does; none for ensembles with too many choices."""
    if len(distributions) > MAX_CHOICE:
        return
    rows, members = np.arange(len(labels)), range(len(distributions))
    for size in range(1, len(distributions) + 1):
        for chosen in combinations(members, size):
            vote = mean_vote(
                [distributions[m] for m in chosen], [weights[m] for m in chosen]
            )
            likely = np.maximum(vote[rows, labels].astype(np.float64), SMALLEST)
            yield SubsetFact(
                members=chosen,
                top1=float((vote.argmax(axis=1) == labels).mean()),
                log_loss=float(-np.log(likely).mean()),
            )


def _cascade(fitting: Fitting) -> CascadeFact | None:
    """A cascade of the members that are no fallback; None: there is but one."""
    spec, order = fitting.pipeline.ensemble, first_members(fitting.pipeline)
    if len(order) < 2:
        return None
    promise, listed = Promise("margin", 0.5), False
    if isinstance(spec, CascadeSpec):
        listed = spec.order == "listed"
        promise = Promise(spec.confidence, spec.max_drop_points, spec.min_accuracy)
    if not listed:
        order = sorted(order, key=lambda member: (fitting.costs_ms[member], member))

    def vote(fitted: Classes) -> tuple[list[Floats], list[float]]:
        distributions, weights = vote_of(fitting, fitted)
        return [distributions[m] for m in order], [weights[m] for m in order]

    names = tuple(spec.members[member].seat for member in order)
    costs = tuple(fitting.costs_ms[member] for member in order)
    return fit_cascade(Voters(names, costs, fitting.dataset.labels, vote), promise)


def _warnings(fitting: Fitting, cascade: CascadeFact | None) -> Iterator[str]:
    n, is_served = (
        len(fitting.dataset.labels),
        "thresholds" in fitting.pipeline.ensemble.fits,
    )
    if n < FEW_PHOTOS:
        yield f"{n} photos are too few to hold any out: nothing here is held out"
    if is_served and cascade is not None and cascade.thresholds[0] >= NEVER:
        least = least_points(n)
        yield (
            f"no threshold keeps the promise of the cascade on {n} photos, so that it "
            f"asks every member; so many can promise {least:.2f} points at best"
        )

"""Where two variants answer differently, and whether it was a close call. Pure."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge.evidence.facts import CLOSE, WANTED, AgreementFact, Evidence, LayerFact
from models.card import Proportion
from models.evaluate import Classes, Floats
from models.statistics import wilson

TINY = 1e-12
MOVED_SHARE = 90
WORST_LAYERS = 3

Distances = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Compared:
    """Distances [n] of the other's first two classes, there and in the file."""

    before: Distances
    after: Distances
    differs: NDArray[np.bool_]

    @property
    def moved(self) -> float:
        """What all but one row in ten are changed by at the most."""
        return float(np.percentile(np.abs(self.after - self.before), MOVED_SHARE))


def compared(other: Floats, file: Floats) -> Compared:
    """Hold the scores of `file` against those of `other`, both [n, classes].

    Logits or probabilities; both become logarithms of probabilities.
    """
    told, found = log_shares(other), log_shares(file)
    order = np.argsort(-told, axis=1, kind="stable")
    rows, first, second = np.arange(len(told)), order[:, 0], order[:, 1]
    differs = found.argmax(axis=1) != first
    before = told[rows, first] - told[rows, second]
    after = found[rows, first] - found[rows, second]
    return Compared(before, after, differs)


@dataclass(frozen=True, slots=True)
class Other:
    """Another variant: its name, its scores [n, classes], and `AgreementFact.expected`."""

    name: str
    scores: Floats
    expected: bool = True


def agreement(beside: Other, file: Floats, labels: Classes) -> AgreementFact:
    """The fact of `file` beside another variant; labels [n] are the truth."""
    other, n = beside.scores, len(labels)
    found = compared(other, file)
    close = found.before < CLOSE
    surely, differs = ~close, found.differs
    sure = int((~differs & surely).sum())
    right = (other.argmax(axis=1) == labels, file.argmax(axis=1) == labels)
    return AgreementFact(
        against=beside.name,
        expected=beside.expected,
        agreement=wilson(n - int(differs.sum()), n),
        differing=int(differs.sum()),
        moved=round(found.moved, 4),
        close=int(close.sum()),
        differing_close=int((differs & close).sum()),
        sure=wilson(sure, int(surely.sum())) if surely.any() else None,
        median_distance=_median(found.before) or 0.0,
        median_distance_differing=_median(found.before[differs]),
        right_before=int((differs & right[0]).sum()),
        right_after=int((differs & right[1]).sum()),
    )


def log_shares(scores: Floats) -> Distances:
    """Logarithms of probabilities, of logits or of probabilities [n, classes]."""
    wide = scores.astype(np.float64)
    sums = wide.sum(axis=1)
    if (wide >= 0).all() and np.allclose(sums, 1.0, atol=1e-3):
        return np.log(np.maximum(wide, TINY))
    raised = wide - wide.max(axis=1, keepdims=True)
    shares: Distances = raised - np.log(np.exp(raised).sum(axis=1, keepdims=True))
    return shares


def explained(found: Evidence) -> tuple[str, ...]:
    """Sentences for everything that `found` agrees with on too few rows; none: nothing."""
    short = [one for one in found.agreements if not one.is_enough]
    told = [line for one in short for line in _lines(one)]
    if not told:
        return ()
    return (*told, *unexplained(found), *_served(found), *_worst(found.layers))


def unexplained(found: Evidence) -> tuple[str, ...]:
    """Sentences for everything that close calls do not explain; none: nothing."""
    left = (one for one in found.agreements if not one.is_explained)
    return tuple(_unexplained(one) for one in left)


def _unexplained(one: AgreementFact) -> str:
    start = (
        f"Not explained: it has the answer of {one.against} on {_said(one.agreement)}"
    )
    if one.sure is None:
        return f"{start}, and every row is a close call."
    rows = f"of the {one.sure.n} rows that are no close calls"
    return f"{start}, and on {_said(one.sure)} {rows}; wanted are {WANTED:.0%}."


def _said(share: Proportion) -> str:
    low, high = 100 * share.low, 100 * share.high
    return f"{100 * share.value:.2f}% ({low:.1f} to {high:.1f})"


def _served(found: Evidence) -> Iterator[str]:
    """What another INT8 of the same network does, which nobody complains about."""
    if found.served is not None:
        share, names = found.served, [one.against for one in found.agreements]
        yield (
            f"{names[-1]}, which is served, has itself the answer of {names[0]} on "
            f"{100 * share.value:.2f}% ({100 * share.low:.1f} to {100 * share.high:.1f})."
        )


def _lines(one: AgreementFact) -> Iterator[str]:
    share = one.agreement
    yield (
        f"{100 * share.value:.2f}% ({100 * share.low:.1f} to {100 * share.high:.1f}) of "
        f"{share.n} rows have the answer of {one.against}, wanted are {WANTED:.0%}."
    )
    yield (
        f"Of the {one.differing} rows that differ, {one.differing_close} were close calls "
        f"of {one.against}: its first two classes are less than {CLOSE} apart (log odds). "
        f"{one.close} of all rows are as close. The file moves one row in ten by more than "
        f"{one.moved:.2f}."
    )
    if one.median_distance_differing is not None:
        yield (
            f"The median distance is {one.median_distance_differing:.2f} where they "
            f"differ and {one.median_distance:.2f} over all rows; {one.against} was right "
            f"on {one.right_before} of the rows that differ, the file on "
            f"{one.right_after}."
        )
    if one.sure is not None:
        yield (
            f"On the {one.sure.n} rows that are no close calls they agree on "
            f"{100 * one.sure.value:.2f}% ({100 * one.sure.low:.1f} to "
            f"{100 * one.sure.high:.1f})."
        )


def _worst(layers: Sequence[LayerFact]) -> Iterator[str]:
    if layers:
        worst = sorted(layers, key=lambda one: one.snr_db)[:WORST_LAYERS]
        named = ", ".join(f"{one.layer} ({one.snr_db:.1f} dB)" for one in worst)
        yield f"The operators furthest from themselves in float: {named}."


def _median(values: Distances) -> float | None:
    return round(float(np.median(values)), 4) if values.size else None

"""What a deployment starts with: nothing, or what other deployments have learnt.

Every learnt part is free of scale, so that a deployment of three requests a second can
begin with what one of three hundred knows. What is packaged was learnt on public traces;
`python -m benchmarks.autoscaling_prior` makes it again.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np

from deployments.autoscaling import features
from deployments.autoscaling.residuals import NORMAL
from deployments.autoscaling.rows import Floats

PACKAGED = Path(__file__).with_name("priors.npz")


@dataclass(frozen=True)
class Prior:
    """The start of every learnt part."""

    weights: Floats
    spread: Floats
    scale_weights: Floats
    scale_spread: Floats
    residuals: Floats


def untrained() -> Prior:
    """Knows nothing: the last seconds go on, errors are normal."""
    return Prior(
        features.FIRST_WEIGHTS,
        np.eye(features.COUNT),
        features.FIRST_SCALE_WEIGHTS,
        10 * np.eye(features.SCALE_COUNT),
        20 * NORMAL,
    )


class Priors:
    """What to begin with, by how far ahead a deployment must look."""

    def __init__(self, by_lead_s: Mapping[int, Prior]) -> None:
        self._by_lead_s = dict(by_lead_s)

    def nearest(self, lead_s: int) -> Prior:
        """The prior of the lead that is closest by ratio."""
        known = min(self._by_lead_s, key=lambda one: abs(np.log(one / lead_s)))
        return self._by_lead_s[known]

    def updated(self, lead_s: int, prior: Prior) -> "Priors":
        """The same with another prior for one lead."""
        return Priors(self._by_lead_s | {lead_s: prior})

    def write(self, file: Path) -> None:
        """Store them."""
        arrays = {
            f"{lead_s}.{field.name}": getattr(prior, field.name).astype(np.float32)
            for lead_s, prior in self._by_lead_s.items()
            for field in fields(Prior)
        }
        np.savez_compressed(file, **arrays)


def packaged_priors(file: Path = PACKAGED) -> Priors:
    """The priors that come with Headwater."""
    found: dict[int, dict[str, Floats]] = {}
    with np.load(file, allow_pickle=False) as stored:
        for key in stored.files:
            lead_s, name = key.split(".")
            found.setdefault(int(lead_s), {})[name] = stored[key].astype(np.float64)
    return Priors({lead_s: Prior(**parts) for lead_s, parts in found.items()})

"""Makes a prior of what deployments have learnt, for those that come after."""

import numpy as np

from deployments.autoscaling import features
from deployments.autoscaling.forecaster import Forecaster
from deployments.autoscaling.prior import Prior
from deployments.autoscaling.rows import Ints

LEAST_LESSONS = 8640
SURER = 0.02
RESIDUAL_MASS = 8000.0


def prior_of(forecaster: Forecaster, rows: Ints) -> Prior:
    """The mean of what these rows know, surer of itself than any of them.

    An hour of one deployment teaches less than days of many: what is inherited must
    outweigh it, and forgetting makes room for what the following days teach.
    """
    mass = forecaster.residuals.mass[rows]
    shape = (mass / mass.sum(axis=1, keepdims=True)).mean(axis=0)
    weights = forecaster.mean.weights[rows].mean(axis=0)
    # At what hour others are busy says nothing about a newcomer.
    weights[features.HOURS] = 0
    return Prior(
        weights,
        SURER * forecaster.mean.spread[rows].mean(axis=0),
        forecaster.size.weights[rows].mean(axis=0),
        SURER * forecaster.size.spread[rows].mean(axis=0),
        RESIDUAL_MASS * shape,
    )


def experienced(forecaster: Forecaster, leads_s: Ints, lead_s: int) -> Ints:
    """The rows that have learnt for half a day to look so far ahead."""
    old = forecaster.pace.lessons >= LEAST_LESSONS
    return np.flatnonzero(old & (leads_s == lead_s))

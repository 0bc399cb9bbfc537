"""Traffic that the model does not know: what is there now goes on.

A linear model has learnt from long calm that rates return to their mean, and answers a crowd or a
new level with less than is already there. So its word counts only while what comes stays within
what was foreseen; beyond that the present rate goes on, and so does its rise, as far as it is
more than the scatter of independent arrivals.
"""

import numpy as np

from deployments.autoscaling.arrivals import Arrivals
from deployments.autoscaling.rows import Floats, Ints

NOW_S = 5
WINDOWS_S = ((5, 15), (15, 60))
"""A rise is seen between the rates over these; the longer ones look far ahead more calmly."""

FAR_S = 30
SURE = 2.5
"""Of its standard deviations a rise must exceed so many, and counts with what exceeds them."""

MOST_RISE = 0.5
"""Until a start is ready a rise adds at most so large a part of what is there."""


def going_on(arrivals: Arrivals, lead_s: Ints, wait_budget_s: Floats) -> Floats:
    """The demand in `lead_s` seconds if all goes on as it does now, one a row.

    Of the last seconds only what they surely ask for: those who may wait long ask for less.
    """
    near, far = (_rise(arrivals, *windows) for windows in WINDOWS_S)
    rise = np.where(lead_s < FAR_S, near, far) * lead_s
    now = arrivals.rate(NOW_S)
    grown = now + np.minimum(rise, MOST_RISE * now)
    return np.asarray(grown * NOW_S / (NOW_S + wait_budget_s), np.float64)


def _rise(arrivals: Arrivals, short_s: int, long_s: int) -> Floats:
    """Requests a second more every second, beyond what chance explains."""
    recent, before = arrivals.rate(short_s), arrivals.rate(long_s)
    scatter = np.sqrt(np.maximum(recent, before) * (1 / short_s - 1 / long_s))
    sure = np.maximum(0.0, recent - before - SURE * scatter)
    return np.asarray(sure / ((long_s - short_s) / 2), np.float64)

"""The reactive half: what the present queue and load ask for, forecast or not."""

import numpy as np

from deployments.autoscaling.rows import Floats, Ints
from deployments.autoscaling.signals import Reading

UTILISATION = 0.8
# Half the budget is spent before more is asked for: starts and luck take the rest.
PATIENCE = 0.5
# Replicas for a queue are kept for as long as a start at least: the longer that is, the more
# patience saves. Cost falls with the time to drain, late requests grow with it: so the root.
DRAIN_PER_ROOT = 0.35
MOST_DRAINS = 5.0
REACTIVE_PART = 0.75
"""Of the slots of a replica, how many a reactive rule fills."""

MOST = 1e6


def backlog_wants(
    seen: Reading, point: Floats, rate: Floats, timing: tuple[Floats, Floats, Floats]
) -> Ints:
    """Replicas that work off the queue foreseen for the moment a start is ready.

    `timing`: seconds a start takes, mean seconds the open starts have taken so far, and
    the wait budget. Zero where the queue stays within half its budget.
    """
    start_s, starting_for_s, budget_s = timing
    starting = np.maximum(0, seen.target - seen.ready)
    helps_s = np.minimum(start_s, np.fmax(starting_for_s, 0))
    work = rate * (seen.ready * start_s + starting * helps_s)
    queue = np.maximum(0, seen.queued + point * start_s - work)
    fleet = np.maximum(1, np.maximum(seen.ready, seen.target))
    shortest_s = np.maximum(DRAIN_PER_ROOT * np.sqrt(start_s), budget_s)
    drain_s = np.minimum(MOST_DRAINS * budget_s, shortest_s)
    drained = (point + queue / drain_s) / (UTILISATION * rate)
    asked = np.ceil(np.minimum(drained, MOST) - 1e-9)
    late = queue > PATIENCE * budget_s * rate * fleet
    return np.where(late, asked, 0).astype(np.int64)


def reactive_wants(seen: Reading, slots: Ints) -> Ints:
    """What a well-set reactive autoscaler would hold: 75 % of the slots in use."""
    asked = np.ceil(seen.ongoing / (REACTIVE_PART * slots) - 1e-9)
    return np.minimum(asked, MOST).astype(np.int64)

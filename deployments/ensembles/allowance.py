"""What a request lets an ensemble get away with, and how an answer says so. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from configs.rules import DegradeSpec, QuorumSpec, RulesSpec
from deployments.ensembles.choice import Reason
from deployments.errors import (
    DeadlineExceeded,
    InvalidInput,
    Overloaded,
    QueueTimeout,
    Saturated,
    ServingError,
)
from deployments.messages import Parameter, Request, Urgency

ALLOW_DEGRADED = "allow_degraded"
"""A request's parameter; false: the whole ensemble's answer or an error."""

REFUSALS = (Overloaded, QueueTimeout, DeadlineExceeded, Saturated)
"""What a member raises that is well but has too much to do."""

RESERVE_S = 0.002
"""An answer must leave so long before its deadline to be of use."""


@dataclass(frozen=True, slots=True)
class Allowance:
    """What holds for one request.

    `quorum` None: every member that is asked must answer. `forgives`: errors of members
    that do not fail the request as long as the quorum holds. `by_deadline`: members are
    chosen so that they answer in time.
    """

    quorum: QuorumSpec | None = None
    degrade: DegradeSpec | None = None
    forgives: tuple[type[ServingError], ...] = (ServingError,)
    by_deadline: bool = False


STRICT = Allowance()


def allowance(rules: RulesSpec, is_budget: bool, may_degrade: bool) -> Allowance:
    """The rules of the spec for a request that may be degraded, or may not.

    A budget, and an ensemble that may degrade, answer with whoever is not too busy even
    where the spec says no quorum; a member that is broken then still fails the request.
    """
    if not may_degrade:
        return STRICT
    by_deadline = is_budget or rules.degrade is not None
    if rules.quorum is not None or not by_deadline:
        return Allowance(rules.quorum, rules.degrade, (ServingError,), by_deadline)
    least = 1 if rules.degrade is None else rules.degrade.min_members
    return Allowance(QuorumSpec(members=least), rules.degrade, REFUSALS, by_deadline)


def may_degrade(pipeline: str, request: Request) -> bool:
    """Whether a request takes less than the whole ensemble's answer.

    Raises:
        InvalidInput: it says so with something that is no boolean.
    """
    said = request.parameters.get(ALLOW_DEGRADED, True)
    if not isinstance(said, bool):
        reason = f"parameter '{ALLOW_DEGRADED}' of '{pipeline}' must be true or false"
        raise InvalidInput(pipeline, f"{reason}, got {said!r}")
    return said


def due_s(urgency: Urgency) -> float | None:
    """When an answer must leave at the latest, on this machine's clock; None: never."""
    dates = [] if urgency.deadline_s is None else [urgency.deadline_s]
    if urgency.timeout_s is not None:
        dates.append(urgency.asked_s + urgency.timeout_s)
    return min(dates) - RESERVE_S if dates else None


def marks(
    members: Sequence[str],
    reason: Reason | None,
    is_partial: bool,
    runs: NDArray[np.int64] | None,
) -> Mapping[str, Parameter]:
    """The parameters of an answer that is not simply everybody's.

    Args:
        members: who had a say in some row.
        reason: why members were left out, if they were.
        is_partial: whether somebody who was asked has no say.
        runs: of a cascade, the members that had a say in each row.
    """
    told: dict[str, Parameter] = {"ensemble_members": ",".join(members)}
    if runs is not None:
        told["ensemble_members_run"] = ",".join(map(str, runs.tolist()))
    if is_partial:
        told["ensemble_partial"] = True
    if reason is not None:
        told["ensemble_degraded"] = reason
    return told

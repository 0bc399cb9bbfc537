"""Why the numbers are what they are: the last rule that had a say names the decision."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import get_args

import numpy as np

from deployments.autoscaling.decision import Decision, Reason
from deployments.autoscaling.forecaster import Forecast
from deployments.autoscaling.rows import Flags, Floats, Ints

REASONS: tuple[Reason, ...] = get_args(Reason)
_CODES = {reason: code for code, reason in enumerate(REASONS)}


@dataclass(frozen=True)
class Wants:
    """What each rule asks for, one row a deployment."""

    needed: Ints
    backlog: Ints
    reactive: Ints
    forecasted: Ints
    total: Ints


@dataclass(frozen=True)
class Steps:
    """The numbers on their way from the wants to the decision."""

    wants: Wants
    held: Ints
    freed: Ints
    allowed: Ints
    bounded: Ints
    final: Ints


@dataclass(frozen=True)
class Facts:
    """What the decision was made from."""

    forecast: Forecast
    rate: Floats
    start_s: Floats
    trusted: Flags
    always_warm: Flags
    silent: Flags
    target: Ints


def decisions(
    names: Sequence[str], acts: Sequence[bool], steps: Steps, facts: Facts
) -> dict[str, Decision]:
    """One decision a deployment, each with its reason."""
    columns = zip(
        names,
        steps.final.tolist(),
        _codes(steps, facts).tolist(),
        acts,
        steps.wants.reactive.tolist(),
        steps.wants.backlog.tolist(),
        steps.wants.total.tolist(),
        facts.forecast.point.tolist(),
        facts.forecast.quantile.tolist(),
        facts.forecast.alpha.tolist(),
        facts.rate.tolist(),
        facts.start_s.tolist(),
        strict=True,
    )
    return {
        name: Decision(name, replicas, REASONS[code], *rest)
        for name, replicas, code, *rest in columns
    }


def _codes(steps: Steps, facts: Facts) -> Ints:
    wants, forecast = steps.wants, facts.forecast
    spiky = (forecast.spike >= forecast.quantile) & (forecast.spike > 0)
    rules: list[tuple[Flags, Reason]] = [
        (steps.final < steps.bounded, "budget"),
        (steps.bounded < steps.allowed, "maximum"),
        (steps.bounded > steps.allowed, "minimum"),
        (steps.allowed < steps.freed, "starts overdue"),
        (facts.always_warm, "always warm"),
        (facts.silent, "silent"),
        (steps.freed == 0, "idle"),
        (steps.freed != np.maximum(steps.held, 1), "pre-warm"),
        (steps.held > wants.total, "held"),
        ((wants.backlog > 0) & (wants.backlog >= wants.forecasted), "backlog"),
        (~facts.trusted, "reactive"),
        (spiky, "spike"),
        (forecast.surge, "surge"),
        (steps.final == facts.target, "steady"),
    ]
    codes = np.full(len(steps.final), _CODES["forecast"])
    for flag, reason in reversed(rules):
        codes[flag] = _CODES[reason]
    return codes

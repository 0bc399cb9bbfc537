"""The demand that a replica ordered now would meet first, with its uncertainty.

What is forecast is the largest demand in the five seconds around the moment at which such a
replica is ready. A linear model of recent windows and usual days learns online; the size of
its error is learnt the same way, and the errors seen decide how far above it a quantile lies.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from deployments.autoscaling import features, surge
from deployments.autoscaling.arrivals import Arrivals
from deployments.autoscaling.features import Clock, View
from deployments.autoscaling.prior import Prior, untrained
from deployments.autoscaling.regression import Regression
from deployments.autoscaling.residuals import Residuals
from deployments.autoscaling.rows import Flags, Floats, Ints, Rows
from deployments.autoscaling.seasons import Seasons
from deployments.autoscaling.spikes import COUNT as PERIODS
from deployments.autoscaling.spikes import Spikes

EVERY_S = 5
AFTER_S = 3
PENDING = 128
LONGEST_LEAD_S = (PENDING - 2) * EVERY_S
MOST_GROWTH = 4.0
QUICK, SLOW = 0.1, 0.005
KEEP, KEEP_SIZE = 0.99995, 0.9998
LESSONS = 30
MOST_ERROR = 3.0
HOUR_PART = EVERY_S / 3600
LEAST_COVERED = 0.8

Made = tuple[Floats, Floats, tuple[Floats, ...], Floats]
"""What a forecast was made from: inputs, inputs of its size, facts, spikes."""


@dataclass(frozen=True)
class Forecast:
    """Of each deployment, in requests a second of demand; `surge`: it outgrew the model."""

    point: Floats
    sigma: Floats
    alpha: Floats
    quantile: Floats
    spike: Floats
    surge: Flags


class Pending(Rows):
    """Forecasts that wait for their truth, one slot for every five seconds."""

    def __init__(self, count: int) -> None:
        self.made_at: Ints = np.full((count, PENDING), -1)
        self.lead_s: Ints = np.zeros((count, PENDING), np.int64)
        self.inputs = np.zeros((count, PENDING, features.COUNT), np.float32)
        self.sizes = np.zeros((count, PENDING, features.SCALE_COUNT), np.float32)
        # scale, level, last minute, point, sigma, quantile without spikes and with
        self.facts: Floats = np.ones((count, PENDING, 7))
        self.spikes = np.zeros((count, PENDING, PERIODS), np.float32)
        self.exceeded: Flags = np.zeros(count, np.bool_)

    def fresh(self, count: int) -> "Pending":
        return Pending(count)

    def compare(self, clock: Clock, demand: Floats) -> None:
        """Note where the demand of the last seconds exceeds what was foreseen for them."""
        made_at = (clock.step - AFTER_S - clock.lead_s) // EVERY_S * EVERY_S
        at = np.arange(len(demand)), made_at // EVERY_S % PENDING
        known = (self.made_at[at] == made_at) & (self.lead_s[at] == clock.lead_s)
        self.exceeded = known & (demand > self.facts[at][:, -1])


class Pace(Rows):
    """The slow scale of each deployment, and how large its errors have been."""

    def __init__(self, count: int) -> None:
        self.scale: Floats = np.full(count, 1e-3)
        self.errors: Floats = np.zeros((count, 2))
        self.lessons: Ints = np.zeros(count, np.int64)
        self.covered: Floats = np.ones(count)

    def fresh(self, count: int) -> "Pace":
        return Pace(count)


class Forecaster:
    """Forecasts for many deployments; call `add` once for every second."""

    def __init__(self, count: int) -> None:
        self.arrivals, self.seasons = Arrivals(count), Seasons(count)
        self.spikes, self.pending = Spikes(count), Pending(count)
        self.pace = Pace(count)
        nothing = untrained()
        self.mean = Regression(count, nothing.weights, nothing.spread, KEEP)
        self.size = Regression(
            count, nothing.scale_weights, nothing.scale_spread, KEEP_SIZE
        )
        self.residuals = Residuals(count)

    def parts(self) -> dict[str, Rows]:
        """Everything that is learnt, by name."""
        return {k: v for k, v in vars(self).items() if isinstance(v, Rows)}

    def adopt(self, row: int, prior: Prior) -> None:
        """Begin a row with what others have learnt."""
        self.mean.weights[row], self.mean.spread[row] = prior.weights, prior.spread
        self.size.weights[row] = prior.scale_weights
        self.size.spread[row] = prior.scale_spread
        self.residuals.start(row, prior.residuals)
        self.pace.lessons[row] = max(LESSONS, self.pace.lessons[row])

    def healthy(self) -> Flags:
        """Where the truths of the last hour mostly stayed below their quantiles."""
        healthy: Flags = self.pace.covered >= LEAST_COVERED
        return healthy

    def forget_recent(self) -> None:
        """Time was lost: what was learnt stays, what was just seen does not count."""
        everyone = np.arange(len(self.pace.scale))
        self.arrivals.clear(everyone)
        self.pending.clear(everyone)

    def add(self, counts: Floats, clock: Clock) -> None:
        """Count one second, and learn from the forecasts that came due."""
        self.arrivals.add(clock.step, counts, clock.wait_budget_s)
        self.seasons.add(clock.wall_s, counts)
        hour = self.arrivals.rate(3600)
        young = self.arrivals.age < 3600
        pull = np.where(young, np.maximum(2e-4, 1 / (1 + self.arrivals.age)), 2e-4)
        # An outage is no small deployment: what it has learnt keeps its scale.
        pull = np.where(hour > 0, pull, 0.0)
        self.pace.scale += pull * (hour - self.pace.scale)
        np.maximum(self.pace.scale, 1e-6, out=self.pace.scale)
        self.pending.compare(clock, self.arrivals.demand(clock.step, EVERY_S))
        if clock.step % EVERY_S == AFTER_S:
            self._learn(clock)

    def forecast(self, clock: Clock, alpha: Callable[[Floats], Floats]) -> Forecast:
        """Look ahead; `alpha` gives the part of the truths to stay above, by point."""
        forecast, made = self._look(clock, alpha)
        if clock.step % EVERY_S == 0:
            self._remember(clock, made)
        return forecast

    def outlook(self, clock: Clock, alpha: Callable[[Floats], Floats]) -> Forecast:
        """Look further ahead than usual; nothing is learnt from how it turns out."""
        return self._look(clock, alpha)[0]

    def _look(
        self, clock: Clock, alpha: Callable[[Floats], Floats]
    ) -> tuple[Forecast, Made]:
        view = features.look(self.arrivals, self.seasons, self.pace.scale, clock)
        x = features.inputs(view)
        point = self._point(view, x)
        u = features.scale_inputs(view, point, self.pace.errors)
        noise = features.noise(view, point)
        size = np.fmin(self.size.predict(u), MOST_ERROR)
        sigma = np.maximum(size * view.level, 0.5 * noise)
        present = surge.going_on(self.arrivals, clock.lead_s, clock.wait_budget_s)
        surges = self.pending.exceeded & (present > point)
        # The model is judged by its own word, whatever is believed instead.
        believed = np.where(surges, present, point)
        part = alpha(believed)
        above = sigma * self.residuals.quantile(part)
        base = np.maximum(0, point + above)
        when = clock.wall_s + clock.lead_s
        spikes = self.spikes.expected(when, view.minute, 2 * view.unit)
        spike = np.where(self.spikes.trusted(), spikes, 0).max(axis=1)
        quantiles = base, np.maximum(base, spike)
        facts = (view.scale, view.level, view.minute, point, sigma, *quantiles)
        quantile = np.maximum(np.maximum(0, believed + above), spike)
        forecast = Forecast(believed, sigma, part, quantile, spike, surges)
        return forecast, (x, u, facts, spikes)

    def _point(self, view: View, x: Floats) -> Floats:
        found = self.mean.predict(x) * view.scale
        found = np.where(self.pace.lessons < LESSONS, view.peak, found)
        most = MOST_GROWTH * np.maximum(view.peak, view.rates[:, 1]) + view.unit
        return np.minimum(np.fmax(found, 0.0), most)

    def _remember(self, clock: Clock, made: Made) -> None:
        place, pending = (clock.step // EVERY_S) % PENDING, self.pending
        pending.made_at[:, place] = clock.step
        pending.lead_s[:, place] = clock.lead_s
        pending.inputs[:, place] = made[0]
        pending.sizes[:, place] = made[1]
        pending.facts[:, place] = np.stack(made[2], axis=1)
        pending.spikes[:, place] = made[3]

    def _learn(self, clock: Clock) -> None:
        pending = self.pending
        made_at = clock.step - AFTER_S - clock.lead_s
        place = (made_at // EVERY_S) % PENDING
        everyone = np.arange(len(made_at))
        due: Flags = (pending.made_at[everyone, place] == made_at) & (made_at >= 0)
        due &= pending.lead_s[everyone, place] == clock.lead_s
        # An hour of nothing teaches nothing about the traffic that comes after it.
        due &= self.arrivals.rate(3600) > 0
        rows = np.flatnonzero(due)
        if not len(rows):
            return
        truth = self.arrivals.demand(clock.step, EVERY_S)[rows]
        at = rows, place[rows]
        _, level, minute, _, _, base, quantile = pending.facts[at].T
        covered = self.pace.covered[rows]
        self.pace.covered[rows] = covered + HOUR_PART * ((truth <= quantile) - covered)
        self.pace.lessons[rows] += 1
        # What the calendar foresees is no error of the model: counted as one, a batch
        # job would keep capacity for itself all day.
        new = quantile <= base
        self._learn_errors(rows[new], truth[new], (rows[new], place[rows[new]]))
        unit = 2 / (5 + clock.wait_budget_s[rows])
        jump = np.log((truth + unit) / (minute + unit))
        self.spikes.learn(rows, clock.wall_s - AFTER_S + 1, jump, truth - minute)
        self.spikes.judge(
            rows, truth / level, base / level, pending.spikes[at] / level[:, None]
        )

    def _learn_errors(self, rows: Ints, truth: Floats, at: tuple[Ints, Ints]) -> None:
        pending = self.pending
        scale, level, minute, point, sigma = pending.facts[at][:, :5].T
        error = np.abs(truth - point)
        for column, pull in ((0, QUICK), (1, SLOW)):
            old = self.pace.errors[rows, column]
            self.pace.errors[rows, column] = old + pull * (error - old)
        self.residuals.learn(rows, (truth - point) / sigma)
        self.size.learn(
            rows,
            pending.sizes[at].astype(float),
            np.minimum(error / level, MOST_ERROR),
            np.ones(len(rows)),
        )
        self.mean.learn(
            rows,
            pending.inputs[at].astype(float),
            truth / scale,
            1 / (0.2 + minute / scale),
        )

"""From what is known to how many replicas, rule by rule.

want = max(what the forecast needs at the moment a start would be ready, what the present
queue asks for); what was wanted within little more than a start is kept; then come the exceptions
(nothing arrives, nothing starts, nothing is heard) and the bounds.
"""

import numpy as np

from configs.autoscaling import FleetSpec
from deployments.autoscaling import guard
from deployments.autoscaling.bounds import Limits, within_budget
from deployments.autoscaling.features import Clock
from deployments.autoscaling.forecaster import Forecast
from deployments.autoscaling.memory import Memory
from deployments.autoscaling.reasons import Facts, Steps, Wants
from deployments.autoscaling.rows import Flags, Floats, Ints
from deployments.autoscaling.settings import Settings
from deployments.autoscaling.signals import Reading

YOUNG_S = 60
SILENT_S = 60
QUIET_S = 30
LEAST_ALPHA, MOST_ALPHA = 0.5, 0.9995
LEAST_REPLICAS = 0.25
SHORT_WAIT_S, SHORT_PART = 5.0, 0.7
POINT_ROOM = 1.05
MOST_REPLICAS = 1_000_000


class Policy:
    """The rules, over the memory of a fleet."""

    def __init__(self, memory: Memory, chosen: Settings, fleet: FleetSpec) -> None:
        self._memory, self._chosen, self._fleet = memory, chosen, fleet

    def decide(
        self, reading: Reading, clock: Clock, limits: Limits, now_s: float
    ) -> tuple[Steps, Facts]:
        """Apply every rule once."""
        memory = self._memory
        forecast = memory.forecaster.forecast(clock, self.alpha)
        facts = self._facts(reading, forecast)
        wants = self._wants(reading, facts, limits, (clock, now_s))
        held = self._held(reading, wants.total, clock)
        freed = self._freed(held, reading, clock, limits)
        overdue = memory.starts.overdue(now_s)
        allowed = np.where(overdue, np.minimum(freed, reading.target), freed)
        bounded = np.minimum(np.maximum(allowed, limits.least), limits.most)
        final = self._paid(bounded, limits, forecast)
        return Steps(wants, held, freed, allowed, bounded, final), facts

    def foresee(self, clock: Clock, limits: Limits) -> Ints:
        """Replicas for the demand at the moment that `clock` looks ahead to."""
        memory, chosen = self._memory, self._chosen
        forecast = memory.forecaster.outlook(clock, self.alpha)
        more = limits.factor * (1 + chosen.headroom)
        demand = _patient(forecast, clock, chosen.wait_budget_s)
        needed = _replicas(demand * more / memory.capacity.rate)
        needed = np.where(chosen.forecasts & memory.forecaster.healthy(), needed, 0)
        return np.minimum(np.maximum(needed, limits.least), limits.most)

    def alpha(self, point: Floats) -> Floats:
        """The part of the futures to be ready for: the more at stake, the larger.

        One replica more costs the same at any load, but keeps as many requests in time
        as arrive when capacity is short; so the newsvendor's fraction grows with load.
        """
        memory = self._memory
        needed = np.maximum(LEAST_REPLICAS, point / memory.capacity.rate)
        worth = self._chosen.cost_ratio * memory.tuning.factor * needed
        return np.minimum(np.maximum(1 - 1 / (1 + worth), LEAST_ALPHA), MOST_ALPHA)

    def _facts(self, reading: Reading, forecast: Forecast) -> Facts:
        memory, chosen = self._memory, self._chosen
        heard = reading.silent_s < SILENT_S
        return Facts(
            forecast=forecast,
            rate=memory.capacity.rate,
            start_s=memory.starts.expected_s,
            trusted=chosen.forecasts & heard & memory.forecaster.healthy(),
            always_warm=chosen.always_warm,
            silent=reading.silent,
            target=reading.target,
        )

    def _wants(
        self,
        reading: Reading,
        facts: Facts,
        limits: Limits,
        when: tuple[Clock, float],
    ) -> Wants:
        memory, chosen = self._memory, self._chosen
        clock, now_s = when
        more = limits.factor * (1 + chosen.headroom)
        demand = _patient(facts.forecast, clock, chosen.wait_budget_s)
        needed = _replicas(demand * more / facts.rate)
        timing = (
            facts.start_s,
            memory.starts.starting_for_s(now_s),
            chosen.wait_budget_s,
        )
        point = facts.forecast.point * limits.factor
        # What is left of a forecast is no queue where nothing comes and nothing must run.
        point = np.where(chosen.to_zero & self._quiet(reading), 0.0, point)
        backlog = guard.backlog_wants(reading, point, facts.rate, timing)
        reactive = guard.reactive_wants(reading, chosen.slots)
        # Where forecasts have been wrong of late, the reactive rule is the floor.
        distrusted = np.where(chosen.forecasts, np.maximum(needed, reactive), reactive)
        forecasted = np.where(facts.trusted, needed, distrusted)
        forecasted = np.where(chosen.always_warm, limits.most, forecasted)
        total = np.maximum(forecasted, backlog)
        return Wants(needed, backlog, reactive, forecasted, total)

    def _held(self, reading: Reading, wants: Ints, clock: Clock) -> Ints:
        memory = self._memory
        hold_s = self._chosen.holds_s(memory.starts.expected_s)
        held = memory.holds.held(clock.step, wants, hold_s)
        # What has just appeared or came back, and who is silent, keeps what it has.
        young = memory.forecaster.arrivals.age < YOUNG_S
        unsure = young | (reading.silent & (reading.silent_s < SILENT_S))
        return np.where(unsure, np.maximum(held, reading.target), held)

    def _freed(
        self, held: Ints, reading: Reading, clock: Clock, limits: Limits
    ) -> Ints:
        """Nothing, or the one replica to be warm, where nothing arrives."""
        memory, chosen = self._memory, self._chosen
        start_s, quiet = memory.starts.expected_s, self._quiet(reading)
        free = chosen.to_zero & (limits.least == 0) & quiet & (held <= 1)
        if not free.any():
            return np.maximum(held, 1)
        keep = memory.idle.worth_keeping(clock.wall_s, start_s, chosen.cold_worth_s)
        return np.where(free, keep.astype(np.int64), np.maximum(held, 1))

    def _quiet(self, reading: Reading) -> Flags:
        """Where nothing has come for a while, and nothing waits or runs."""
        longest_s = np.minimum(QUIET_S, self._memory.starts.expected_s + 5)
        none_came = self._memory.forecaster.arrivals.idle_s > longest_s
        nothing_runs = (reading.queued <= 0) & (reading.ongoing < 0.05)
        return none_came & nothing_runs & ~reading.silent

    def _paid(self, wants: Ints, limits: Limits, forecast: Forecast) -> Ints:
        budget, price = self._fleet.budget_per_hour, self._chosen.price
        if budget is None or (wants * price).sum() <= budget:
            return wants
        rate, ratio = self._memory.capacity.rate, self._chosen.cost_ratio
        residuals = self._memory.forecaster.residuals

        def worth(row: int, replicas: int) -> float:
            over = (replicas - 1) * rate[row] - forecast.point[row]
            chance = residuals.above(row, over / max(forecast.sigma[row], 1e-9))
            at_stake = max(LEAST_REPLICAS, forecast.point[row] / rate[row])
            return float(chance * ratio[row] * at_stake)

        return within_budget(wants, limits.least, price, budget, worth)


def _patient(forecast: Forecast, clock: Clock, budget_s: Floats) -> Floats:
    """The demand to be ready for where requests may wait longer than seconds.

    A replica too few lets a queue grow; if the wait budget is most of a start or more,
    the queue is seen and worked off in time. So the quantile shrinks, to the point at least.
    """
    used_s = np.maximum(SHORT_WAIT_S, SHORT_PART * clock.lead_s)
    slack = np.maximum(0, budget_s - used_s) / clock.lead_s
    enough = np.minimum(forecast.quantile, POINT_ROOM * forecast.point)
    shrunk = np.maximum(enough, forecast.quantile / (1 + slack))
    return np.asarray(np.maximum(shrunk, forecast.spike), np.float64)


def _replicas(wanted: Floats) -> Ints:
    """Whole replicas that hold so much, within what can be counted."""
    whole = np.ceil(np.fmin(np.fmax(wanted, 0), MOST_REPLICAS) - 1e-9)
    return whole.astype(np.int64)

"""What a forecast looks at: recent rates, the usual day and week, slopes and jumps."""

from dataclasses import dataclass

import numpy as np

from deployments.autoscaling.arrivals import Arrivals
from deployments.autoscaling.rows import Floats, Ints
from deployments.autoscaling.seasons import Seasons

WINDOWS_S = (1, 2, 5, 15, 30, 60, 300, 900, 3600)
COUNT = 21
SCALE_COUNT = 7
HOURS = slice(17, 21)
FIRST_WEIGHTS: Floats = np.zeros(COUNT)
FIRST_WEIGHTS[[3, 4]] = 0.5
FIRST_SCALE_WEIGHTS: Floats = np.array([0, 1, 0.3, 0, 0, 0, 0.0])


@dataclass(frozen=True)
class View:
    """What is known at one second, one row a deployment."""

    rates: Floats
    peak: Floats
    unit: Floats
    scale: Floats
    usual: tuple[Floats, Floats, Floats]
    day_angle: float

    @property
    def minute(self) -> Floats:
        """Requests a second over the last minute."""
        rate: Floats = self.rates[:, 5]
        return rate

    @property
    def level(self) -> Floats:
        """A rate of the size of this deployment, never zero."""
        level: Floats = self.rates[:, 7] + 5 * self.unit
        return level


def look(arrivals: Arrivals, seasons: Seasons, scale: Floats, clock: "Clock") -> View:
    """Gather what the forecast of this second needs."""
    columns = [arrivals.rate(window) for window in WINDOWS_S]
    return View(
        np.stack(columns, axis=1),
        arrivals.demand(clock.step, 60),
        1 / (5 + clock.wait_budget_s),
        scale,
        seasons.usual(clock.wall_s, clock.lead_s),
        2 * np.pi * (clock.wall_s % 86_400) / 86_400,
    )


@dataclass(frozen=True)
class Clock:
    """When it is, how far ahead each deployment must look, how long it may let wait."""

    step: int
    wall_s: int
    lead_s: Ints
    wait_budget_s: Floats


def inputs(view: View) -> Floats:
    """The inputs of the forecast, in units of the deployment's slow scale."""
    x = np.empty((len(view.peak), COUNT))
    rates = view.rates
    day_now, day_then, week_then = view.usual
    five_minutes = rates[:, 6]
    ratio = np.minimum(np.maximum(day_then / np.maximum(day_now, 1e-9), 0.25), 4.0)
    ratio = np.where(np.isnan(day_now) | (day_now < 1e-9), 1.0, ratio)
    day_then = np.where(np.isnan(day_then), five_minutes, day_then)
    x[:, 0] = 1
    x[:, 1:10] = rates
    x[:, 10] = view.peak
    x[:, 11] = five_minutes * ratio
    x[:, 12] = day_then
    x[:, 13] = np.where(np.isnan(week_then), day_then, week_then)
    x[:, 14] = np.maximum(0, rates[:, 1] - rates[:, 4])
    x[:, 15] = np.maximum(0, rates[:, 2] - rates[:, 5])
    x[:, 1:16] /= view.scale[:, None]
    x[:, 16] = np.sqrt(np.maximum(view.minute, 0) / view.scale)
    hour = x[:, 9]
    for place, angle in ((17, view.day_angle), (19, 2 * view.day_angle)):
        x[:, place] = np.sin(angle) * hour
        x[:, place + 1] = np.cos(angle) * hour
    return x


def scale_inputs(view: View, point: Floats, errors: Floats) -> Floats:
    """The inputs of the expected size of the error, in units of the level.

    `errors`: recent and usual absolute errors, two columns.
    """
    u = np.empty((len(point), SCALE_COUNT))
    rates = view.rates
    u[:, 1] = noise(view, point)
    u[:, 2:4] = errors
    u[:, 4] = view.peak - view.minute
    u[:, 5] = np.abs(rates[:, 3] - view.minute)
    u[:, 6] = np.maximum(0, rates[:, 1] - rates[:, 4])
    u[:, 1:] /= view.level[:, None]
    u[:, 0] = 0.05
    return u


def noise(view: View, point: Floats) -> Floats:
    """The spread that independent arrivals of this rate would have."""
    return np.asarray(np.sqrt((point + view.unit) * view.unit), np.float64)

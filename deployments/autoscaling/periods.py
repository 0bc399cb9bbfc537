"""Finds periods that nobody listed: the batch job that comes every 23 minutes.

Jumps of the last hours lie on a line of five-second slots. Where most of them have another
one at the same distance, far more often than chance would put it there, that distance is a
period; the jumps it explains are taken away and the rest is searched again.
"""

import math

import numpy as np

from deployments.autoscaling.rows import Flags, Floats

SLOT_S = 5
SLOTS = 4096
SHORTEST, LONGEST = 40, 1392
LEAST_JUMPS = 6
LEAST_PAIRS = 4
LEAST_PART, LEAST_LIFT = 0.6, 4.0
CLOSE = 1.1
NEAR = 2
# Steps of a sixteenth stay exact when they are stored with 32 bits.
FINENESS = 16


def periods(hits: Flags, most: int) -> list[float]:
    """The periods in seconds, at most so many; `hits` holds SLOTS flags, oldest first."""
    left, found = hits.copy(), []
    for _ in range(most):
        distance = _distance(left)
        if distance is None:
            break
        slots = _refined(left, distance)
        found.append(round(slots * SLOT_S * FINENESS) / FINENESS)
        left &= ~_explained(hits, slots)
    return found


def _distance(hits: Flags) -> int | None:
    """The shortest distance at which most hits have another one."""
    wide = _widened(hits)
    chance = float(wide.mean())
    # Where hits are everywhere or almost nowhere, none can stand out.
    if hits.sum() < LEAST_JUMPS or LEAST_LIFT * chance > 1:
        return None
    pairs = _pairs(hits, wide)
    tried = np.cumsum(hits)[::-1][: LONGEST + 1]
    part = pairs / np.maximum(1, tried)
    fits = (tried >= LEAST_PAIRS) & (part >= max(LEAST_PART, LEAST_LIFT * chance))
    fits[:SHORTEST] = False
    if not fits.any():
        return None
    good: Flags = fits & (part * CLOSE >= part[fits].max())
    return int(good.argmax())


def _pairs(hits: Flags, wide: Flags) -> Floats:
    """How many hits have one in `wide` so many slots later, for each distance."""
    size = 2 * SLOTS
    turned = np.fft.rfft(hits, size).conj() * np.fft.rfft(wide, size)
    return np.asarray(np.round(np.fft.irfft(turned, size)[: LONGEST + 1]), np.float64)


def _refined(hits: Flags, distance: float) -> float:
    """The distance to a fraction of a slot: multiples of it must be hit as well."""
    places = np.flatnonzero(hits)
    steps = np.arange(-NEAR, NEAR + 1)
    times = 1
    while times * distance < 2 / 3 * SLOTS:
        near = round(times * distance) + steps
        there = places[:, None] + near
        counts = (hits[np.minimum(there, SLOTS - 1)] & (there < SLOTS)).sum(axis=0)
        if counts.max() >= LEAST_PAIRS - 1:
            best = near[counts == counts.max()]
            distance = float(best.mean()) / times
        times += 1
    return distance


def _explained(hits: Flags, distance: float) -> Flags:
    """Which slots have a hit one period before or after."""
    near = hits
    for _ in range(NEAR):
        near = _widened(near)
    step = math.floor(distance + 0.5)
    explained: Flags = np.zeros_like(hits)
    explained[step:] |= near[:-step]
    explained[:-step] |= near[step:]
    return explained


def _widened(hits: Flags) -> Flags:
    wide: Flags = hits.copy()
    wide[1:] |= hits[:-1]
    wide[:-1] |= hits[1:]
    return wide

"""A day in minutes: a slow wave, a periodic batch job and one spike nobody announced. Pure."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

NIGHT = 0.1
BATCHES = 8
BATCH_S = 10
BATCH_PART = 0.3
SPIKE_AT, SPIKE_FOR = 0.62, 0.03
SPIKE_PART = 0.6


@dataclass(frozen=True, slots=True)
class Day:
    """How long it lasts, requests a second at noon, and after what part the spike comes."""

    seconds: int
    noon_per_s: float
    seed: int = 0
    spike_at: float = SPIKE_AT

    def intensity(self) -> NDArray[np.float64]:
        """Requests a second, one number a second."""
        at = np.arange(self.seconds)
        wave = NIGHT + (1 - NIGHT) * np.sin(np.pi * at / self.seconds) ** 2
        batch = BATCH_PART * (at % (self.seconds // BATCHES) < BATCH_S)
        part = at / self.seconds
        spiking = (part >= self.spike_at) & (part < self.spike_at + SPIKE_FOR)
        rates: NDArray[np.float64] = self.noon_per_s * (
            wave + batch + SPIKE_PART * spiking
        )
        return rates

    def arrivals_s(self) -> list[float]:
        """Seconds after the start, ascending; the same for one seed."""
        draw = np.random.default_rng(self.seed)
        counts = draw.poisson(self.intensity())
        starts = np.repeat(np.arange(self.seconds, dtype=np.float64), counts)
        return sorted((starts + draw.random(len(starts))).tolist())

"""Finds the cost ratio at which a stated part of the requests is late, slowly and in bounds."""

import numpy as np

from deployments.autoscaling.rows import Floats, Rows

EVERY_S = 300
KEEP = 1 - 1 / (48 * 3600)
UP, DOWN = 1.15, 0.97
CALM = 0.6
LEAST, MOST = 1 / 8, 8.0


class Tuning(Rows):
    """A factor on the cost ratio, and the late requests it is judged by."""

    def __init__(self, count: int) -> None:
        self.factor: Floats = np.ones(count)
        self.late: Floats = np.zeros(count)
        self.requests: Floats = np.zeros(count)

    def fresh(self, count: int) -> "Tuning":
        return Tuning(count)

    def learn(self, step: int, late: Floats, requests: Floats, target: Floats) -> None:
        """Count one second; every five minutes move where `target` is a number."""
        self.late = KEEP * self.late + late
        self.requests = KEEP * self.requests + requests
        if step % EVERY_S:
            return
        burn = self.late / np.maximum(1.0, self.requests * np.nan_to_num(target, nan=1))
        move = np.where(burn > 1, UP, np.where(burn < CALM, DOWN, 1.0))
        moved = np.clip(self.factor * move, LEAST, MOST)
        self.factor = np.where(np.isnan(target), 1.0, moved)

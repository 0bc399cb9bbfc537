"""Memory of what was wanted: capacity is released only when it was long not wanted.

Giving a replica back and starting it again costs a start; so one that was wanted within the
time a start takes, or a little more, is kept.
"""

import numpy as np

from deployments.autoscaling.rows import Floats, Ints, Rows

BLOCK_S = 5
BLOCKS = 128


class Holds(Rows):
    """The largest want of every five seconds."""

    def __init__(self, count: int) -> None:
        self.wants: Ints = np.zeros((count, BLOCKS), np.int64)
        self.block = np.zeros(count, np.int64)

    def fresh(self, count: int) -> "Holds":
        return Holds(count)

    def held(self, step: int, wants: Ints, hold_s: Floats) -> Ints:
        """The largest want of the last `hold_s` seconds, this one included."""
        block = step // BLOCK_S
        for new in range(max(int(self.block.min()), block - BLOCKS) + 1, block + 1):
            self.wants[self.block < new, new % BLOCKS] = 0
        self.block[:] = block
        here = block % BLOCKS
        self.wants[:, here] = np.maximum(self.wants[:, here], wants)
        back = (here - np.arange(BLOCKS)) % BLOCKS
        counts = np.where(back <= (hold_s // BLOCK_S)[:, None], self.wants, 0)
        held: Ints = counts.max(axis=1)
        return held

"""All that is known about the deployments, kept in rows in one order of names."""

import logging
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from deployments.autoscaling.capacity import Capacity
from deployments.autoscaling.forecaster import Forecaster
from deployments.autoscaling.holds import Holds
from deployments.autoscaling.idle import Idle
from deployments.autoscaling.rows import Ints, Rows
from deployments.autoscaling.signals import Signals
from deployments.autoscaling.starts import Starts
from deployments.autoscaling.tuning import Tuning

log = logging.getLogger(__name__)

FLEETING = frozenset({"arrivals", "pending", "holds", "signals"})
PARKED = 1000

Block = dict[str, dict[str, npt.NDArray[Any]]]


class Memory:
    """Rows for the deployments of now, and what was learnt about those of before."""

    def __init__(self) -> None:
        self.names: list[str] = []
        self.forecaster = Forecaster(0)
        self.capacity, self.starts, self.holds = Capacity(0), Starts(0), Holds(0)
        self.idle, self.signals, self.tuning = Idle(0), Signals(0), Tuning(0)
        self._parked: dict[str, Block] = {}

    def parts(self) -> dict[str, Rows]:
        """Every part by name."""
        mine = {k: v for k, v in vars(self).items() if isinstance(v, Rows)}
        return mine | self.forecaster.parts()

    def arrange(self, names: Sequence[str]) -> Ints:
        """Have exactly these rows, and give those that are new."""
        wanted, known = set(names), set(self.names)
        gone = [row for row, name in enumerate(self.names) if name not in wanted]
        for row in gone:
            self.park(self.names[row], self.lasting(row))
        kept = [name for name in self.names if name in wanted]
        new = [name for name in names if name not in known]
        for part in self.parts().values():
            for name, array in part.arrays().items():
                setattr(part, name, np.delete(array, gone, axis=0))
            part.extend(len(new))
        self.names = kept + new
        for name in new:
            if name in self._parked:
                self._take_back(name)
        return np.arange(len(kept), len(self.names))

    def _take_back(self, name: str) -> None:
        try:
            self.restore(name, self._parked.pop(name))
        except ValueError as error:
            log.warning("autoscaling of %s starts anew: %s", name, error)

    def park(self, name: str, block: Block) -> None:
        """Keep what was learnt about a deployment that is not there now."""
        self._parked[name] = block
        while len(self._parked) > PARKED:
            self._parked.pop(next(iter(self._parked)))

    def lasting_parts(self) -> dict[str, Rows]:
        """The parts that are worth keeping when this process ends."""
        return {k: v for k, v in self.parts().items() if k not in FLEETING}

    def lasting(self, row: int) -> Block:
        """What is worth keeping of one row when its deployment or this process ends."""
        return {
            part: {name: array[row].copy() for name, array in rows.arrays().items()}
            for part, rows in self.lasting_parts().items()
        }

    def restore(self, name: str, block: Mapping[str, Mapping[str, Any]]) -> None:
        """Take back what was learnt about one deployment.

        Raises:
            ValueError: the block does not fit; the row is then as if new.
        """
        row = np.array([self.names.index(name)])
        try:
            for part, rows in self.lasting_parts().items():
                _restore(rows, row, block.get(part, {}))
        except ValueError:
            for rows in self.parts().values():
                rows.clear(row)
            raise
        # Orders of before are not known to be open.
        self.starts.open[row] = 0
        self.starts.oldest_s[row] = np.nan


def _restore(rows: Rows, row: Ints, stored: Mapping[str, Any]) -> None:
    one = rows.fresh(1)
    one.restore({name: array[None] for name, array in stored.items()})
    for name, array in one.arrays().items():
        getattr(rows, name)[row] = array

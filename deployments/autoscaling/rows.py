"""Arrays whose first axis is the deployment: they grow, are cleared and are stored alike."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]


class Rows:
    """The base of what is known about many deployments, one row each."""

    def fresh(self, count: int) -> "Rows":
        """So many rows of which nothing is known yet."""
        raise NotImplementedError

    def arrays(self) -> dict[str, npt.NDArray[Any]]:
        """The arrays by their names."""
        return {k: v for k, v in vars(self).items() if isinstance(v, np.ndarray)}

    def extend(self, count: int) -> None:
        """Add rows at the end."""
        for name, block in self.fresh(count).arrays().items():
            setattr(self, name, np.concatenate([getattr(self, name), block]))

    def clear(self, rows: Ints) -> None:
        """Forget what is known in these rows."""
        for name, block in self.fresh(len(rows)).arrays().items():
            getattr(self, name)[rows] = block

    def restore(self, arrays: Mapping[str, npt.NDArray[Any]]) -> None:
        """Take stored arrays.

        Raises:
            ValueError: an array is missing, of another shape, or not finite.
        """
        for name, mine in self.arrays().items():
            stored = arrays.get(name)
            if stored is None or stored.shape != mine.shape:
                raise ValueError(f"{name} is missing or of another shape")
            if stored.dtype.kind not in "biuf" or np.isinf(stored).any():
                raise ValueError(f"{name} holds what is no number")
            if np.isnan(stored).any() and not np.isnan(mine).any():
                raise ValueError(f"{name} holds what is no number")
            mine[...] = stored

"""How a distribution becomes its best classes. Pure."""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]


def top_k(probabilities: Floats, k: int) -> tuple[NDArray[np.int64], Floats]:
    """Indices and probabilities of the k largest of each row, largest first.

    Equal probabilities keep the order of their indices, so an answer is reproducible.
    """
    order = np.argsort(-probabilities, axis=1, kind="stable")[:, :k].astype(np.int64)
    return order, np.take_along_axis(probabilities, order, axis=1)

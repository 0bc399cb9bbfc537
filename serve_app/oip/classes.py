"""The classification extension: the best classes of an output, as text. Pure."""

import math

import numpy as np

from deployments.errors import InvalidInput
from deployments.messages import Contract, Tensor


def classify(contract: Contract, name: str, tensor: Tensor, count: int) -> Tensor:
    """The `count` largest values of each row as `value:index[:label]`, largest first.

    Returns:
        BYTES [rows, min(count, classes)]; equal values keep the order of their index.

    Raises:
        InvalidInput: the output does not hold numbers in rows.
    """
    if tensor.dtype.kind not in "iuf" or tensor.ndim < 1:
        raise InvalidInput(
            contract.name,
            f"output '{name}' of model '{contract.name}' has no classes to name",
        )
    rows = tensor.reshape(len(tensor), math.prod(tensor.shape[1:]))
    # In their own type: float64 holds no whole number beyond 2^53. `-` would overflow
    # where `~` turns the order of whole numbers round.
    falling = -rows if rows.dtype.kind == "f" else ~rows
    best = np.argsort(falling, axis=1, kind="stable")[:, :count]
    answer = np.empty(best.shape, np.object_)
    for row, column in np.ndindex(*best.shape):
        index = int(best[row, column])
        answer[row, column] = _text(rows[row, index], index, contract.labels)
    return answer


def _text(value: np.generic, index: int, labels: tuple[str, ...]) -> bytes:
    number = f"{value:f}" if value.dtype.kind == "f" else str(value)
    label = f":{labels[index]}" if index < len(labels) else ""
    return f"{number}:{index}{label}".encode()

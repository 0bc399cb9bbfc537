"""How much memory arrays keep from being freed: a view keeps all that it is a view of. Pure."""

from collections.abc import Iterable

import numpy as np

from deployments.messages import Tensor


def pinned_bytes(tensors: Iterable[Tensor]) -> int:
    """Bytes that are held as long as these arrays are; what several view counts once."""
    sizes = dict[int, int]()
    for tensor in tensors:
        owner = _owner(tensor)
        sizes[id(owner)] = _size_bytes(owner, tensor.nbytes)
    return sum(sizes.values())


def _owner(tensor: Tensor) -> object:
    """Whose memory an array shows: another array, or a buffer that somebody gave."""
    found: object = tensor
    while True:
        if isinstance(found, np.ndarray) and found.base is not None:
            found = found.base
        elif isinstance(found, memoryview):
            found = found.obj
        else:
            return found


def _size_bytes(owner: object, seen_bytes: int) -> int:
    if isinstance(owner, np.ndarray):
        if owner.dtype == np.object_:
            return owner.nbytes + sum(len(one) for one in owner.flat)
        return owner.nbytes
    try:
        return memoryview(owner).nbytes  # type: ignore[arg-type]
    except TypeError:  # memory of a library, which says no size
        return seen_bytes

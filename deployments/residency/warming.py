"""Opens a model so that its first real request is as fast as the next."""

from collections.abc import Sequence

import numpy as np

from configs.model import BatchingSpec
from deployments.backends.base import Backend
from deployments.backends.opening import open_backend
from deployments.backends.preference import Site
from deployments.messages import DTYPES, Tensor
from deployments.outputs import Outputs
from models.card import Card
from models.golden import inputs
from models.store import Store


def open_warm(
    card: Card,
    store: Store,
    limits: BatchingSpec,
    full: bool,
    site: Site | None = None,
) -> Backend:
    """Open what `card` describes and run it before anybody waits for it.

    Args:
        card: of the variant.
        store: where its files are.
        limits: of its batches, whose sizes it is run at.
        full: run every usual batch size, so that what it takes in memory is seen; else
            one row tells that it runs.
        site: where it runs, and on what.

    Raises:
        WrongAnswer: it answers something else than the card says.
        Exception: whatever the runtime raises for it.
    """
    backend, promised = open_backend(card, store, site), Outputs(card.outputs)
    sizes = warm_sizes(limits) if full else (1,)
    for size, asked in warm_batches(card, store, sizes).items():
        promised.check(backend.run(asked), size)
    return backend


def warm_batches(
    card: Card, store: Store, sizes: Sequence[int]
) -> dict[int, dict[str, Tensor]]:
    """What a model is asked before anybody else asks, by its number of rows.

    Raises:
        StoreCorrupt: the golden rows of its card cannot be read.
    """
    rows = _rows(card, store)
    return {
        size: {name: _sized(tensor, size) for name, tensor in rows.items()}
        for size in sizes
    }


def warm_sizes(limits: BatchingSpec) -> tuple[int, ...]:
    """The batch sizes that the batcher closes at, and one row. Pure."""
    return tuple(sorted({1, *limits.preferred_sizes}))


def _rows(card: Card, store: Store) -> dict[str, Tensor]:
    """Some rows of every input: golden ones where the card has any, else zeros."""
    if card.golden is not None:
        return inputs(store.file(card.golden))
    return {
        tensor.name: np.zeros(
            [1, *(abs(d) for d in tensor.shape)], DTYPES[tensor.datatype]
        )
        for tensor in card.inputs
    }


def _sized(rows: Tensor, size: int) -> Tensor:
    return np.resize(rows, (size, *rows.shape[1:]))

"""Which cores the servers get and which the load generator; inherited by children."""

import contextlib
import os
from collections.abc import Iterator

from benchmarks.peers.facts import Layout

Cores = frozenset[int]


def split(cores: Cores, layout: Layout) -> tuple[Cores, Cores]:
    """Cores of the servers and of the client.

    With a single core, or in the layout `shared`, both have all.
    """
    if layout == "shared" or len(cores) < 2:
        return cores, cores
    client = frozenset({max(cores)})
    return cores - client, client


def ours() -> Cores:
    """The cores this process may use; all of them where the system cannot say."""
    if hasattr(os, "sched_getaffinity"):
        return frozenset(os.sched_getaffinity(0))
    return frozenset(range(os.cpu_count() or 1))


@contextlib.contextmanager
def pinned(cores: Cores) -> Iterator[None]:
    """This thread, and what it starts meanwhile, on `cores`; not where that is unknown."""
    if not hasattr(os, "sched_setaffinity"):
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cores)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)

"""What this process and its accelerator hold, as the system counts it. Linux."""

import ctypes
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from deployments.residency.accelerator import open_accelerator
from deployments.residency.eviction import Room

Gauge = Callable[[], Room]
"""What is held now."""

KEPT_BYTES = 256 << 20
"""Free memory that a replica keeps for the next requests; `trim` gives it back."""

MAPPED_BYTES = 32 << 20
"""Larger blocks are the system's and go back at once; glibc takes no higher bound."""

_STATM = Path("/proc/self/statm")
_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3  # of mallopt, see malloc.h
_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


def private() -> Room:
    """What this process holds for itself alone: no library, no mapped file."""
    resident, shared = _pages()
    return Room(host=(resident - shared) * _PAGE_BYTES)


def resident_bytes() -> int:
    """The resident set of this process, pages that it shares included."""
    return _pages()[0] * _PAGE_BYTES


def with_device() -> Gauge:
    """The same with what is held on the GPU, see `Accelerator.held_bytes`.

    Raises:
        OSError: there is no driver, or no GPU for this process.
    """
    accelerator = open_accelerator()
    return lambda: Room(private().host, accelerator.held_bytes())


def trim() -> None:
    """Have the allocator give free memory back to the system, where it can."""
    libc: Any = ctypes.CDLL(None)
    trimmer = getattr(libc, "malloc_trim", None)  # glibc's
    if trimmer is not None:
        trimmer(0)


def keep() -> None:
    """Have the allocator keep what requests free, up to `KEPT_BYTES`.

    A tensor of some hundred kB is else mapped, cleared page by page and unmapped for
    every request: that was a tenth of what a request cost this process.
    """
    libc: Any = ctypes.CDLL(None)
    option = getattr(libc, "mallopt", None)  # glibc's
    if option is not None:
        option(_TRIM_THRESHOLD, KEPT_BYTES)
        option(_MMAP_THRESHOLD, MAPPED_BYTES)


def _pages() -> tuple[int, int]:
    """Resident pages, and how many of these are of files or shared."""
    try:
        said = _STATM.read_bytes().split()
    except OSError:  # not Linux: loads are counted by their file
        return 0, 0
    return int(said[1]), int(said[2])

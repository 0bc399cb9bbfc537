"""What ensembles count, told to somebody who watches as it grows.

Counting costs a request nothing more: what has grown is looked up every second.
"""

import asyncio
import logging
from collections.abc import Mapping
from typing import Protocol

from deployments.ensembles.stats import EnsembleStats

EVERY_S = 1.0

SHOWN: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "requests": ("Requests to the ensemble.", ()),
    "rows": ("Rows that it has answered.", ()),
    "refused": ("Requests that it could not answer.", ()),
    "partial": ("Answers that lack the say of a member.", ()),
    "degraded": ("Answers of fewer or cheaper members, by reason.", ("reason",)),
    "members_run": ("Rows by how many members had a say in them.", ("members",)),
    "exits": (
        "Rows that stopped after so many members, with others left.",
        ("members",),
    ),
    "compared": ("Rows in which two members or more had a say.", ()),
    "unanimous": ("Rows of those in which all had the same first class.", ()),
    "saved_s": ("Seconds that asking every member would have taken beyond.", ()),
    "spent_s": ("Seconds that members took, by their cards.", ()),
    "crops_spared": ("Inputs of members that nobody needed and nobody made.", ()),
    "member_rows": ("Rows that a member had a say in.", ("member",)),
    "member_agreed": ("Rows of those with the ensemble's answer.", ("member",)),
    "member_requests": (
        "Questions to a member by outcome: answered, failed, timed_out, cancelled.",
        ("member", "outcome"),
    ),
}
"""What each count is, and by what it is told apart, see `counts`."""

PLAIN = tuple(name for name, (_, apart) in SHOWN.items() if not apart)
"""Counts that are one number, see `EnsembleStats`."""

ENDS = ("failed", "timed_out", "cancelled")
"""How asking a member may end but for an answer, see `MemberStats`."""

Key = tuple[str, ...]
"""The name of a count, and what it is told apart by."""

log = logging.getLogger(__name__)


class Watcher(Protocol):
    """Shows what has grown."""

    def grow(self, pipeline: str, key: Key, by: float) -> None:
        """`by` is above 0."""
        ...


class Nobody:
    """Nobody watches."""

    def grow(self, pipeline: str, key: Key, by: float) -> None:
        """See `Watcher.grow`."""


def counts(stats: EnsembleStats) -> dict[Key, float]:
    """All that an ensemble has counted, flat. Pure."""
    found: dict[Key, float] = {(name,): getattr(stats, name) for name in PLAIN}
    found |= {("degraded", why): count for why, count in stats.degraded.items()}
    for name in ("members_run", "exits"):
        sizes = getattr(stats, name).items()
        found |= {(name, str(size)): rows for size, rows in sizes}
    for member, one in stats.members.items():
        found["member_rows", member] = one.rows
        found["member_agreed", member] = one.agreed
        found["member_requests", member, "answered"] = one.requests
        found |= {("member_requests", member, end): getattr(one, end) for end in ENDS}
    return found


class Growth:
    """Of the ensembles of one replica, by pipeline."""

    def __init__(self, stats: Mapping[str, EnsembleStats], watcher: Watcher) -> None:
        self._stats, self._watcher = stats, watcher
        self._told: dict[str, dict[Key, float]] = {name: {} for name in stats}

    def look(self) -> None:
        """Tell what has grown since the last look."""
        for pipeline, stats in self._stats.items():
            told = self._told[pipeline]
            for key, count in counts(stats).items():
                before = told.get(key, 0)
                if count > before:
                    told[key] = count
                    self._watcher.grow(pipeline, key, count - before)

    async def run(self) -> None:
        """Look for ever."""
        while True:
            await asyncio.sleep(EVERY_S)
            try:
                self.look()
            except Exception:  # the outermost loop: answers go on without metrics
                log.exception("what ensembles count is not told this time")

"""What an ensemble has done so far. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from deployments.control import Counts

Classes = NDArray[np.int64]
Said = Mapping[str, tuple[Classes, Classes]]


@dataclass(slots=True)
class MemberStats:
    """One member: what it was asked and how that ended.

    `requests`: those it answered, also where the ensemble then gave no answer. `rows`:
    those it had a say in; `agreed` of them have the ensemble's answer as their first
    class. `failed` does not hold those that `timed_out`.
    """

    requests: int = 0
    rows: int = 0
    agreed: int = 0
    failed: int = 0
    timed_out: int = 0
    cancelled: int = 0


@dataclass(slots=True)
class EnsembleStats:
    """Counts since the replica started; `saved_s` and `spent_s` are by the cards.

    `crops_spared`: inputs that were not made because nobody needed them; their time, as
    others took, is part of `saved_s`. `members_run`: rows by how many members had a say in them. `exits`: rows that stopped
    after the first, second, ... member although there were others. `unanimous`: rows of
    those with two members and more in which all had the same first class.
    """

    requests: int = 0
    rows: int = 0
    refused: int = 0
    partial: int = 0
    degraded: dict[str, int] = field(default_factory=dict)
    members_run: dict[int, int] = field(default_factory=dict)
    exits: dict[int, int] = field(default_factory=dict)
    compared: int = 0
    unanimous: int = 0
    saved_s: float = 0.0
    spent_s: float = 0.0
    crops_spared: int = 0
    members: dict[str, MemberStats] = field(default_factory=dict)

    def of(self, member: str) -> MemberStats:
        """The counts of one member."""
        found = self.members.get(member)
        if found is None:
            found = self.members[member] = MemberStats()
        return found

    def spare(self, rows: int, row_s: float) -> None:
        """Count inputs that were not made."""
        self.crops_spared += rows
        self.saved_s += rows * row_s

    def count_together(
        self, answer: Classes, said: Mapping[str, Classes], most: int
    ) -> None:
        """Members that all had a say in every row, out of `most`; else see below."""
        rows, firsts = len(answer), list(said.values())
        self._count_size(len(firsts), rows, most)
        for member, first in said.items():
            self._count_say(member, rows, int(np.count_nonzero(first == answer)))
        if len(firsts) > 1:
            same = np.equal(firsts[1:], firsts[0]).all(axis=0)
            self.compared += rows
            self.unanimous += int(np.count_nonzero(same))

    def count_rows(self, runs: Classes, most: int) -> None:
        """Rows by the members that had a say, `runs` [rows], of `most`."""
        sizes, counts = np.unique(runs, return_counts=True)
        for size, count in zip(sizes.tolist(), counts.tolist(), strict=True):
            self._count_size(size, count, most)

    def count_agreement(self, answer: Classes, said: Said) -> None:
        """Who agrees with whom.

        Args:
            answer: the ensemble's first class of each row, [rows].
            said: by member, the rows it has a say in and its first classes of these.
        """
        voters, agreeing = np.zeros_like(answer), np.zeros_like(answer)
        for member, (rows, first) in said.items():
            same = first == answer[rows]
            voters[rows] += 1
            agreeing[rows] += same
            self._count_say(member, len(rows), int(same.sum()))
        several = voters > 1
        self.compared += int(several.sum())
        self.unanimous += int((several & (agreeing == voters)).sum())

    def told(self) -> Counts:
        """All of it in words and numbers."""
        return {
            "requests": self.requests,
            "rows": self.rows,
            "refused": self.refused,
            "partial": self.partial,
            "degraded": dict(self.degraded),
            "members_run": _by_size(self.members_run),
            "exits": _by_size(self.exits),
            "compared": self.compared,
            "unanimous": self.unanimous,
            "saved_s": self.saved_s,
            "spent_s": self.spent_s,
            "crops_spared": self.crops_spared,
            "members": {
                name: {key: getattr(one, key) for key in one.__slots__}
                for name, one in self.members.items()
            },
        }

    def _count_size(self, size: int, rows: int, most: int) -> None:
        self.rows += rows
        self.members_run[size] = self.members_run.get(size, 0) + rows
        if size < most:
            self.exits[size] = self.exits.get(size, 0) + rows

    def _count_say(self, member: str, rows: int, agreed: int) -> None:
        counts = self.of(member)
        counts.rows += rows
        counts.agreed += agreed


def _by_size(counts: Mapping[int, int]) -> Counts:
    return {str(size): counts[size] for size in sorted(counts)}

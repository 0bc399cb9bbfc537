"""Asks one member after the other, each only for the rows that are not sure yet. Pure.

Rows that stop together have the same past: the same members have answered for them.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from deployments.ensembles.member import Ask, Floats, Rows
from deployments.ensembles.quorum import Quorum
from models.ensembles import Confidence, confidence, mean_vote

Fits = Callable[[int, int], bool]
"""(member, rows) → whether its answer would come in time."""


@dataclass(frozen=True, slots=True)
class Ladder:
    """Who is asked first, second, ...; how sure is enough after each.

    The last threshold is never looked at: after the last member every row has its answer.
    """

    members: tuple[int, ...]
    thresholds: tuple[float, ...]
    confidence: Confidence = "margin"

    def only(self, members: Sequence[int]) -> "Ladder":
        """The same without the others."""
        kept = [
            (member, threshold)
            for member, threshold in zip(self.members, self.thresholds, strict=True)
            if member in members
        ]
        names, thresholds = zip(*kept, strict=True)
        return Ladder(names, thresholds, self.confidence)


class Cascade:
    """A course, see `deployments.ensembles.talk.Course`.

    A row stops when it is sure, and, once a member has failed, only with a quorum. When
    `strict`, a failed member fails the request. `out_of_time`: rows have stopped because
    the next member's answer would have come too late.
    """

    def __init__(
        self,
        ladder: Ladder,
        fallbacks: Sequence[int],
        quorum: Quorum,
        rows: int,
        fits: Fits | None = None,
    ) -> None:
        self._ladder, self._quorum, self._fits = ladder, quorum, fits
        self._ahead = [*zip(ladder.members, ladder.thresholds, strict=True)]
        self._spare = list(fallbacks)
        self._left: Rows = np.arange(rows)
        self._asked: int | None = None
        self._enough = 0.0
        self._has_failed = self.out_of_time = False
        self._votes: dict[int, Floats] = {}
        self._result: Floats | None = None
        self.members_run = np.zeros(rows, np.int64)
        self.said: dict[int, tuple[Rows, Floats]] = {}

    def asks(self) -> Sequence[Ask]:
        """The next member and the rows that still need one; nothing while one is asked."""
        if self._asked is not None or not self._left.size:
            return []
        if not self._ahead and self._spare and not self._quorum.holds(self._votes):
            self._ahead.append((self._spare.pop(0), 0.0))
        if not self._ahead:
            return []
        self._asked, self._enough = self._ahead.pop(0)
        everything = self._left.size == len(self.members_run)
        return [Ask(self._asked, None if everything else self._left)]

    def took(self, member: int, distribution: Floats) -> None:
        """A member has answered for the rows it was asked for, [rows, classes]."""
        self._asked = None
        self._votes[member] = distribution
        self.said[member] = (self._left, distribution)
        self.members_run[self._left] += 1
        said = list(self._votes.values())
        weights = [self._quorum.weights[member] for member in self._votes]
        vote = mean_vote(said, weights)
        self._settle(vote, self._stops(vote, said, weights))

    def failed(self, member: int) -> None:
        """A member will not answer."""
        self._asked, self._has_failed = None, True
        if not self._ahead and self._votes and self._quorum.holds(self._votes):
            said = list(self._votes.values())
            vote = mean_vote(said, [self._quorum.weights[m] for m in self._votes])
            self._settle(vote, np.ones(len(vote), np.bool_))

    @property
    def holds(self) -> bool:
        """Whether every row has its answer."""
        return not self._left.size

    @property
    def done(self) -> bool:
        """Whether every row has its answer."""
        return self.holds

    @property
    def lost(self) -> bool:
        """Whether some row cannot get an answer any more."""
        if self.holds:
            return False
        ahead = {member for member, _ in self._ahead} | {*self._spare}
        pending = set() if self._asked is None else {self._asked}
        return not self._quorum.holds({*self._votes, *ahead, *pending})

    @property
    def is_partial(self) -> bool:
        """Whether somebody who was asked has no say."""
        return self._has_failed

    @property
    def has_say(self) -> Sequence[int]:
        """Who has answered for some row."""
        return sorted(self.said)

    def answer(self) -> Floats:
        """The distribution of each row, [rows, classes], in the order of the request."""
        assert self._result is not None  # noqa: S101 only asked for when it holds
        return self._result

    def _stops(
        self, vote: Floats, said: Sequence[Floats], weights: Sequence[float]
    ) -> NDArray[np.bool_]:
        everybody = np.ones(len(vote), np.bool_)
        if self._has_failed and not self._quorum.holds(self._votes):
            return ~everybody
        if not self._ahead:
            return everybody
        sure = confidence(self._ladder.confidence, vote, said, weights) >= self._enough
        unsure = int((~sure).sum())
        if unsure and self._fits and not self._fits(self._ahead[0][0], unsure):
            self.out_of_time = True
            return everybody
        return sure

    def _settle(self, vote: Floats, stops: NDArray[np.bool_]) -> None:
        if self._result is None:
            self._result = np.empty((len(self.members_run), vote.shape[1]), vote.dtype)
        self._result[self._left[stops]] = vote[stops]
        self._left = self._left[~stops]
        self._votes = {m: said[~stops] for m, said in self._votes.items()}

"""Says who takes part in a request, from what members are learned to take right now."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

from deployments.ensembles.allowance import Allowance
from deployments.ensembles.cascade import Fits
from deployments.ensembles.choice import (
    Candidate,
    Choice,
    Subsets,
    Values,
    finish_s,
    under_pressure,
    within,
)
from deployments.ensembles.member import Member
from deployments.ensembles.pace import Pace


@dataclass(frozen=True, slots=True)
class Question:
    """What matters of a request here: its rows, and when its answer must leave."""

    rows: int
    due_s: float | None


@dataclass(frozen=True, slots=True)
class Worth:
    """What choices are worth, and on how many threads the members of a home run."""

    values: Values = ()
    lanes: Mapping[str, int] = field(default_factory=dict)


class Chooser:
    """Holds the paces of the members; `clock` is of this machine, monotonic."""

    def __init__(
        self, members: Sequence[Member], worth: Worth, clock: Callable[[], float]
    ) -> None:
        self._members, self._lanes, self._clock = members, worth.lanes, clock
        self.paces = [Pace(member.run_s) for member in members]
        self.alone_s = [pace.alone_s(1) for pace in self.paces]
        first = [at for at, member in enumerate(members) if not member.fallback]
        weights = [member.weight for member in members]
        self.subsets = Subsets(first, weights, self.alone_s, worth.values)
        self._everybody = Choice(self.subsets.all)

    def together(self, question: Question, allowed: Allowance) -> Choice:
        """Members that are asked at once."""
        choice = self.one_by_one(allowed)
        if question.due_s is None or not allowed.by_deadline:
            return choice
        now_s = self._clock()
        candidates = [
            Candidate(
                pace.expect_s(question.rows, now_s),
                pace.alone_s(question.rows),
                member.home,
            )
            for pace, member in zip(self.paces, self._members, strict=True)
        ]
        late_s = {
            chosen: now_s + finish_s(chosen, candidates, self._lanes) - question.due_s
            for chosen in self.subsets.ranked
        }
        return within(self.subsets, choice, late_s)

    def one_by_one(self, allowed: Allowance) -> Choice:
        """Members that are asked one after the other; `fits` says how far."""
        if allowed.degrade is None:
            return self._everybody
        return under_pressure(self.subsets, allowed.degrade, self._pressure(allowed))

    def fits(self, question: Question, allowed: Allowance) -> Fits | None:
        """Tells whether a member's answer would come in time; None: it need not."""
        if question.due_s is None or not allowed.by_deadline:
            return None
        return partial(self._fits, question.due_s)

    def _fits(self, due_s: float, member: int, rows: int) -> bool:
        now_s = self._clock()
        return now_s + self.paces[member].expect_s(rows, now_s) <= due_s

    def _pressure(self, allowed: Allowance) -> float:
        """How near the members are to refusing; 1: they do."""
        shares = [
            pace.waiting_rows / member.queue_rows
            for pace, member in zip(self.paces, self._members, strict=True)
        ]
        full_ms = None if allowed.degrade is None else allowed.degrade.full_wait_ms
        if full_ms is not None:
            now_s = self._clock()
            shares += [1e3 * pace.wait_s(now_s) / full_ms for pace in self.paces]
        return max(shares)

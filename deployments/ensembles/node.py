"""The ensemble as a node: lets members be asked, marks the answer and counts."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from configs.rules import RulesSpec
from deployments.ensembles.allowance import (
    REFUSALS,
    Allowance,
    allowance,
    due_s,
    marks,
    may_degrade,
)
from deployments.ensembles.cascade import Cascade, Ladder
from deployments.ensembles.choice import Choice, Reason
from deployments.ensembles.chooser import Chooser, Question, Worth
from deployments.ensembles.member import Floats, Member
from deployments.ensembles.poll import Poll
from deployments.ensembles.quorum import quorum_of
from deployments.ensembles.stats import EnsembleStats
from deployments.ensembles.talk import Ended, Patience, Talk
from deployments.errors import BackendFailed, ServingError
from deployments.logs import Seldom
from deployments.messages import Reply, Request
from models.ensembles import majority_vote, mean_vote

COMPLAIN_EVERY_S = 60.0
"""A member that is broken says so in the log once, then at most so often."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Manner:
    """How an ensemble comes to its answer; `ladder` is a cascade's."""

    strategy: Literal["soft_vote", "majority", "cascade", "budget"] = "soft_vote"
    rules: RulesSpec = field(default_factory=RulesSpec)
    ladder: Ladder | None = None
    worth: Worth = field(default_factory=Worth)


class Ensemble:
    """Answers `probability` FP32 [rows, classes], and in parameters how it came about."""

    def __init__(
        self,
        pipeline: str,
        members: Sequence[Member],
        manner: Manner | None = None,
        patience: Patience | None = None,
    ) -> None:
        self._pipeline, self._members = pipeline, tuple(members)
        self._manner, self._patience = manner or Manner(), patience or Patience()
        self._weights = [member.weight for member in self._members]
        numbered = enumerate(self._members)
        self._fallbacks = [at for at, member in numbered if member.fallback]
        self._chooser = Chooser(self._members, self._manner.worth, self._patience.clock)
        is_budget = self._manner.strategy == "budget"
        self._allowed = {
            may: allowance(self._manner.rules, is_budget, may) for may in (True, False)
        }
        self._whole_s = self._chooser.subsets.cost_s(self._chooser.subsets.all)
        self._complains = Seldom(COMPLAIN_EVERY_S, self._patience.clock)
        self.stats = EnsembleStats()

    async def infer(self, request: Request) -> Reply:
        """See `Node.infer`.

        Raises:
            InvalidInput: the parameter `allow_degraded` is no boolean.
        """
        allowed = self._allowed[may_degrade(self._pipeline, request)]
        rows = len(next(iter(request.inputs.values())))
        question = Question(rows, due_s(request.urgency))
        course, choice = self._course(question, allowed)
        talk = Talk(
            self._members,
            self._chooser.paces,
            request,
            self._wait(question, allowed),
            allowed.forgives,
        )
        self.stats.requests += 1
        try:
            await talk.follow(course)
        except ServingError:
            self.stats.refused += 1
            raise
        finally:
            self._count_ends(talk.ended)
        for one in request.later.values():
            self.stats.spare(one.spared, one.row_s)
        return self._reply(course, self._reason(course, choice, talk.ended, allowed))

    def _course(
        self, question: Question, allowed: Allowance
    ) -> tuple[Poll | Cascade, Choice]:
        ladder = self._manner.ladder
        if ladder is None:
            choice = self._chooser.together(question, allowed)
        else:
            choice = self._chooser.one_by_one(allowed)
        quorum = quorum_of(allowed.quorum, self._weights, choice.members)
        if ladder is None:
            vote = majority_vote if self._manner.strategy == "majority" else mean_vote
            return Poll(choice.members, self._fallbacks, quorum, vote), choice
        fits = self._chooser.fits(question, allowed)
        rungs = ladder.only(choice.members)
        return Cascade(rungs, self._fallbacks, quorum, question.rows, fits), choice

    def _wait(self, question: Question, allowed: Allowance) -> Patience:
        quorum = allowed.quorum
        return Patience(
            _seconds(self._manner.rules.member_timeout_ms),
            None if quorum is None else _seconds(quorum.grace_ms),
            None if quorum is None else question.due_s,
            self._patience.timer,
            self._patience.clock,
        )

    def _reason(
        self, course: Poll | Cascade, choice: Choice, ended: Ended, allowed: Allowance
    ) -> Reason | None:
        """Why some member has no say although it is well; None: it is not so."""
        if choice.reason is not None:
            return choice.reason
        busy = any(isinstance(error, REFUSALS) for error in ended.errors.values())
        if isinstance(course, Cascade) and course.out_of_time:
            return "budget"
        if self._manner.strategy == "budget" and (busy or ended.cancelled):
            return "budget"
        return "overload" if busy and allowed.degrade is not None else None

    def _reply(self, course: Poll | Cascade, reason: Reason | None) -> Reply:
        probability = course.answer()
        self._count(course, probability, reason)
        runs = course.members_run if isinstance(course, Cascade) else None
        is_usual = reason is None and not course.is_partial and runs is None
        if is_usual and self._manner.strategy != "budget":
            return Reply({"probability": probability})
        names = [self._members[member].name for member in course.has_say]
        told = marks(names, reason, course.is_partial, runs)
        return Reply({"probability": probability}, told)

    def _count(
        self, course: Poll | Cascade, probability: Floats, reason: Reason | None
    ) -> None:
        stats, most = self.stats, len(self._chooser.subsets.all)
        stats.partial += course.is_partial
        if reason is not None:
            stats.degraded[reason] = stats.degraded.get(reason, 0) + 1
        answer = probability.argmax(axis=1)
        if isinstance(course, Poll):
            firsts = {m: one.argmax(axis=1) for m, one in course.answers.items()}
            named = {self._members[m].name: first for m, first in firsts.items()}
            stats.count_together(answer, named, most)
            computed = dict.fromkeys(firsts, len(answer))
        else:
            said = {
                self._members[m].name: (at, one.argmax(axis=1))
                for m, (at, one) in course.said.items()
            }
            stats.count_rows(course.members_run, most)
            stats.count_agreement(answer, said)
            computed = {m: len(at) for m, (at, _) in course.said.items()}
        self._count_time(len(answer), computed)

    def _count_time(self, rows: int, computed: Mapping[int, int]) -> None:
        """Rows that members have computed, beside all by everybody."""
        alone_s = self._chooser.alone_s
        spent_s = sum(count * alone_s[member] for member, count in computed.items())
        self.stats.spent_s += spent_s
        self.stats.saved_s += max(0.0, rows * self._whole_s - spent_s)

    def _count_ends(self, ended: Ended) -> None:
        for member in ended.answered:
            self.stats.of(self._members[member].name).requests += 1
        for member, error in ended.errors.items():
            if member not in ended.timed_out:
                self._count_failure(self._members[member].name, error)
        for member in ended.timed_out:
            self.stats.of(self._members[member].name).timed_out += 1
        for member in ended.cancelled:
            self.stats.of(self._members[member].name).cancelled += 1

    def _count_failure(self, name: str, error: ServingError) -> None:
        self.stats.of(name).failed += 1
        if isinstance(error, BackendFailed) and self._complains.may(name):
            log.warning("%s has no say: %s", name, error.detail)


def _seconds(milliseconds: float | None) -> float | None:
    return None if milliseconds is None else milliseconds / 1e3

"""Asks several members for every row at once, and fallbacks for those that fail. Pure."""

from collections.abc import Callable, Sequence

from deployments.ensembles.member import Ask, Floats
from deployments.ensembles.quorum import Quorum

Vote = Callable[[Sequence[Floats], Sequence[float]], Floats]
"""(distributions [rows, classes] by member, their weights) → one distribution."""


class Poll:
    """A course, see `deployments.ensembles.talk.Course`.

    `chosen` are asked first; one of `fallbacks` only when without it the quorum cannot
    be reached any more.
    """

    def __init__(
        self,
        chosen: Sequence[int],
        fallbacks: Sequence[int],
        quorum: Quorum,
        vote: Vote,
    ) -> None:
        self._quorum, self._vote = quorum, vote
        self._spare = list(fallbacks)
        self._new = list(chosen)
        self._pending: set[int] = set()
        self._asked: set[int] = set()
        self.answers: dict[int, Floats] = {}

    def asks(self) -> Sequence[Ask]:
        """Whom to ask now; each member is named once."""
        while self._spare and not self._quorum.holds(self._hoped()):
            self._new.append(self._spare.pop(0))
        asked, self._new = self._new, []
        self._pending.update(asked)
        self._asked.update(asked)
        return [Ask(member) for member in asked]

    def took(self, member: int, distribution: Floats) -> None:
        """A member has answered, [rows, classes]."""
        self._pending.discard(member)
        self.answers[member] = distribution

    def failed(self, member: int) -> None:
        """A member will not answer."""
        self._pending.discard(member)

    @property
    def holds(self) -> bool:
        """Whether an answer could be given now."""
        return self._quorum.holds(self.answers)

    @property
    def lost(self) -> bool:
        """Whether no answer can be given any more."""
        return not self._spare and not self._quorum.holds(self._hoped())

    @property
    def done(self) -> bool:
        """Whether nobody is left to wait for."""
        return not (self._pending or self._new) and self.holds

    @property
    def is_partial(self) -> bool:
        """Whether somebody who was asked has no say."""
        return len(self.answers) < len(self._asked)

    @property
    def has_say(self) -> Sequence[int]:
        """Who has answered."""
        return sorted(self.answers)

    def answer(self) -> Floats:
        """The vote of those who have answered, in the order of the members."""
        members = sorted(self.answers)
        said = [self.answers[member] for member in members]
        return self._vote(said, [self._quorum.weights[member] for member in members])

    def _hoped(self) -> set[int]:
        return {*self.answers, *self._pending, *self._new}

"""Who must have answered for an answer. Pure."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from configs.rules import QuorumSpec

ROUNDING = 1e-9


@dataclass(frozen=True, slots=True)
class Quorum:
    """At least so many members, and so much of their weight.

    `weights`: by member, fallbacks too. `least_weight` is absolute, not a share.
    """

    weights: Sequence[float]
    least_members: int
    least_weight: float = 0.0

    def holds(self, members: Collection[int]) -> bool:
        """Whether these are enough."""
        if len(members) < self.least_members:
            return False
        weight = sum(self.weights[member] for member in members)
        return weight + ROUNDING >= self.least_weight


def quorum_of(
    spec: QuorumSpec | None, weights: Sequence[float], asked: Sequence[int]
) -> Quorum:
    """The quorum when `asked` are asked; all of them when the spec says none."""
    if spec is None:
        return Quorum(weights, len(asked))
    whole = sum(weights[member] for member in asked)
    least = min(spec.members, len(asked))
    return Quorum(weights, least, spec.weight * whole)

"""Which members take part in a request: all, or the best that time and load allow. Pure."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Literal

from configs.rules import DegradeSpec

Reason = Literal["budget", "overload"]
Values = Sequence[tuple[tuple[int, ...], float]]

MOST = 8
"""More members than that are left out from the dearest on, instead of by every subset."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A member at this moment.

    `expect_s`: until its answer for this request; `alone_s`: of computing, by its card.
    `home`: members of one home share `lanes` threads.
    """

    expect_s: float
    alone_s: float
    home: str = ""


@dataclass(frozen=True, slots=True)
class Choice:
    """Who takes part, and why it is not everybody."""

    members: tuple[int, ...]
    reason: Reason | None = None


class Subsets:
    """Every choice of some members, the best first; of equals the cheaper one."""

    def __init__(
        self,
        members: Sequence[int],
        weights: Sequence[float],
        costs_s: Sequence[float],
        values: Values = (),
    ) -> None:
        """Rank them.

        Args:
            members: who may be chosen.
            weights: by member; what a choice is worth without `values`.
            costs_s: by member, to compare them.
            values: what choices are worth, as fitted.
        """
        self.all = tuple(members)
        self.costs_s = tuple(costs_s)
        known = {frozenset(chosen): value for chosen, value in values}

        def rank(chosen: tuple[int, ...]) -> tuple[float, float]:
            worth = sum(weights[m] for m in chosen)
            return known.get(frozenset(chosen), worth), -self.cost_s(chosen)

        self.ranked = sorted(self._list(), key=rank, reverse=True)

    def cost_s(self, chosen: Collection[int]) -> float:
        """What a choice computes."""
        return sum(self.costs_s[member] for member in chosen)

    def cheapest(self, count: int) -> tuple[int, ...]:
        """The `count` cheapest members."""
        by_cost = sorted(self.all, key=lambda member: (self.costs_s[member], member))
        return tuple(sorted(by_cost[:count]))

    def _list(self) -> list[tuple[int, ...]]:
        sizes = range(1, len(self.all) + 1)
        if len(self.all) > MOST:
            return [self.cheapest(size) for size in sizes]
        return [c for size in sizes for c in combinations(self.all, size)]


def under_pressure(
    subsets: Subsets, spec: DegradeSpec | None, pressure: float
) -> Choice:
    """Fewer members the higher the pressure, at 1 as few as the spec allows."""
    if spec is None or pressure < spec.at_pressure:
        return Choice(subsets.all)
    share = max(0.0, 1 - (pressure - spec.at_pressure) / (1 - spec.at_pressure))
    most_s = share * subsets.cost_s(subsets.all)
    for chosen in subsets.ranked:
        if len(chosen) >= spec.min_members and subsets.cost_s(chosen) <= most_s:
            return _because("overload", subsets, chosen)
    return _because("overload", subsets, subsets.cheapest(spec.min_members))


def within(
    subsets: Subsets, allowed: Choice, late_s: Mapping[tuple[int, ...], float]
) -> Choice:
    """Everybody who is allowed, or the best choice of them that ends in time.

    When none does, the fastest: its queue has the last word on the deadline.

    Args:
        subsets: every choice.
        allowed: who may still take part.
        late_s: seconds by which each choice ends late (or, below 0, early).
    """
    if late_s[allowed.members] <= 0:
        return allowed
    may = set(allowed.members)
    possible = [chosen for chosen in subsets.ranked if may.issuperset(chosen)]
    fastest = min(possible, key=lambda chosen: late_s[chosen])
    in_time = (chosen for chosen in possible if late_s[chosen] <= 0)
    best = next(in_time, fastest)
    return allowed if len(best) == len(may) else Choice(best, "budget")


def finish_s(
    chosen: Sequence[int], candidates: Sequence[Candidate], lanes: Mapping[str, int]
) -> float:
    """Seconds until all of `chosen`, asked at once, have answered.

    At least what the slowest takes, and what those that share threads compute together.
    """
    slowest_s = max(candidates[member].expect_s for member in chosen)
    homes: dict[str, float] = {}
    for member in chosen:
        one = candidates[member]
        homes[one.home] = homes.get(one.home, 0.0) + one.alone_s
    shared_s = max(sum_s / lanes.get(home, 1) for home, sum_s in homes.items())
    return max(slowest_s, shared_s)


def _because(reason: Reason, subsets: Subsets, chosen: tuple[int, ...]) -> Choice:
    return Choice(chosen, None if len(chosen) == len(subsets.all) else reason)

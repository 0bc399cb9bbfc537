"""Replays requests against one replica's memory, by several rules of who leaves. Pure.

Every request finds its model or loads it at once; what differs is who makes room. Belady's
rule knows the future and so bounds the others, as far as models are of one size.
"""

from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import inf
from typing import Protocol

from deployments.residency.demand import MEMORY_S, Demand
from deployments.residency.eviction import Resident, Room, victims


@dataclass(frozen=True, slots=True)
class Model:
    """What a model takes."""

    size_bytes: int
    load_s: float


@dataclass(frozen=True, slots=True)
class Asked:
    """A request for a model."""

    at_s: float
    key: str


@dataclass(frozen=True, slots=True)
class Replayed:
    """What a rule has cost."""

    requests: int
    hits: int
    load_s: float

    @property
    def hit_rate(self) -> float:
        """The share of requests that found their model."""
        return self.hits / self.requests if self.requests else 1.0


class Rule(Protocol):
    """Who leaves."""

    def asked(self, key: str, now_s: float) -> None:
        """A request came, whether its model is here or not."""
        ...

    def leaving(
        self, here: Mapping[str, Model], lack_bytes: int, now_s: float
    ) -> Sequence[str]:
        """Some of `here` that together have at least `lack_bytes`."""
        ...


def replay(
    trace: Sequence[Asked], models: Mapping[str, Model], limit_bytes: int, rule: Rule
) -> Replayed:
    """Run a trace; every model must fit alone."""
    here: dict[str, Model] = {}
    held_bytes = hits = 0
    load_s = 0.0
    for request in trace:
        rule.asked(request.key, request.at_s)
        if request.key in here:
            hits += 1
            continue
        model = models[request.key]
        lack_bytes = held_bytes + model.size_bytes - limit_bytes
        if lack_bytes > 0:
            for key in rule.leaving(here, lack_bytes, request.at_s):
                held_bytes -= here.pop(key).size_bytes
        here[request.key] = model
        held_bytes += model.size_bytes
        load_s += model.load_s
    return Replayed(len(trace), hits, load_s)


class Worth:
    """Ours: demand that fades with time, times the cost of a reload, by the byte."""

    def __init__(self, memory_s: float = MEMORY_S) -> None:
        self._demand: dict[str, Demand] = defaultdict(lambda: Demand(memory_s))
        self._uses: Counter[str] = Counter()

    def asked(self, key: str, now_s: float) -> None:
        """See `Rule.asked`."""
        self._uses[key] += 1
        self._demand[key].learn(self._uses[key], now_s)

    def leaving(
        self, here: Mapping[str, Model], lack_bytes: int, now_s: float
    ) -> Sequence[str]:
        """See `Rule.leaving`."""
        movable = [
            Resident(
                key,
                Room(model.size_bytes),
                self._demand[key].rate(now_s),
                model.load_s,
            )
            for key, model in here.items()
        ]
        return victims(movable, Room(lack_bytes)) or list(here)


@dataclass(slots=True)
class Lru:
    """The longest unused first."""

    _used_s: dict[str, float] = field(default_factory=dict)

    def asked(self, key: str, now_s: float) -> None:
        """See `Rule.asked`."""
        self._used_s[key] = now_s

    def leaving(
        self, here: Mapping[str, Model], lack_bytes: int, now_s: float
    ) -> Sequence[str]:
        """See `Rule.leaving`."""
        return first_enough(
            sorted(here, key=self._used_s.__getitem__), here, lack_bytes
        )


@dataclass(slots=True)
class Lfu:
    """The least used since it came first."""

    _uses: Counter[str] = field(default_factory=Counter)

    def asked(self, key: str, now_s: float) -> None:
        """See `Rule.asked`."""
        self._uses[key] += 1

    def leaving(
        self, here: Mapping[str, Model], lack_bytes: int, now_s: float
    ) -> Sequence[str]:
        """See `Rule.leaving`."""
        chosen = first_enough(
            sorted(here, key=self._uses.__getitem__), here, lack_bytes
        )
        for key in chosen:
            del self._uses[key]
        return chosen


class Gdsf:
    """GreedyDual-Size-Frequency as published: L + uses * cost / size, L ages."""

    def __init__(self, models: Mapping[str, Model]) -> None:
        self._models, self._aged = models, 0.0
        self._uses: Counter[str] = Counter()
        self._worth: dict[str, float] = {}

    def asked(self, key: str, now_s: float) -> None:
        """See `Rule.asked`."""
        model = self._models[key]
        self._uses[key] += 1
        worth = self._uses[key] * model.load_s / model.size_bytes
        self._worth[key] = self._aged + worth

    def leaving(
        self, here: Mapping[str, Model], lack_bytes: int, now_s: float
    ) -> Sequence[str]:
        """See `Rule.leaving`."""
        chosen = first_enough(
            sorted(here, key=self._worth.__getitem__), here, lack_bytes
        )
        self._aged = max(self._worth[key] for key in chosen)
        for key in chosen:
            del self._uses[key]
        return chosen


class Belady:
    """Whoever is asked for again the latest; knows the trace."""

    def __init__(self, trace: Sequence[Asked]) -> None:
        self._times: dict[str, list[float]] = defaultdict(list)
        for request in trace:
            self._times[request.key].append(request.at_s)

    def asked(self, key: str, now_s: float) -> None:
        """See `Rule.asked`."""

    def leaving(
        self, here: Mapping[str, Model], lack_bytes: int, now_s: float
    ) -> Sequence[str]:
        """See `Rule.leaving`."""
        order = sorted(here, key=lambda key: -self._next_s(key, now_s))
        return first_enough(order, here, lack_bytes)

    def _next_s(self, key: str, now_s: float) -> float:
        times = self._times[key]
        place = bisect_right(times, now_s)
        return times[place] if place < len(times) else inf


def first_enough(
    order: Sequence[str], here: Mapping[str, Model], lack_bytes: int
) -> Sequence[str]:
    """The first of `order` that together have `lack_bytes`."""
    chosen: list[str] = []
    freed_bytes = 0
    for key in order:
        if freed_bytes >= lack_bytes:
            break
        chosen.append(key)
        freed_bytes += here[key].size_bytes
    return chosen

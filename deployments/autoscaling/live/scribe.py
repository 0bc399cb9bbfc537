"""Chooses what of every tick is worth a line in the journal, and writes the line."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from deployments.autoscaling.decision import Decision
from deployments.autoscaling.live.feed import Totals
from deployments.autoscaling.live.journal import Line
from deployments.autoscaling.live.ledger import Start

EVERY_S = 10.0
LOAD_WAIT_S = 10.0


class Facts(NamedTuple):
    """What a decision's line says beside the decision; `most` bounds every rule."""

    most: int
    ready: int
    target: int
    totals: Totals


@dataclass
class _Written:
    """The last line of a deployment."""

    wall_s: float
    shown: tuple[int, str, int, int]
    totals: Totals


class Scribe:
    """A decision is written when it changes, and every ten seconds."""

    def __init__(self) -> None:
        self._written: dict[str, _Written] = {}
        self._starts: list[tuple[float, str, Start]] = []

    def decision(self, decision: Decision, facts: Facts, wall_s: float) -> Line | None:
        """The line of a decision; None: it is as it was a moment ago."""
        shown = (decision.replicas, decision.reason, facts.ready, facts.target)
        last = self._written.get(decision.name)
        if last and last.shown == shown and 0 <= wall_s - last.wall_s < EVERY_S:
            return None
        self._written[decision.name] = _Written(wall_s, shown, facts.totals)
        line: Line = {"kind": "decision", "at_s": wall_s, **decision.as_dict()}
        line |= {"ready": facts.ready, "target": facts.target}
        line["reactive"] = min(decision.reactive, facts.most)
        line["ongoing"] = facts.totals.ongoing
        line["oldest_s"] = facts.totals.oldest_s
        if last is not None:
            line |= _between(last, facts.totals, wall_s)
        return line

    def started(self, name: str, start: Start, now_s: float) -> None:
        """A replica is ready; its line waits until it says how long it loaded."""
        self._starts.append((now_s, name, start))

    def starts(self, loads: Mapping[str, float | None], now_s: float) -> Iterator[Line]:
        """The lines of the starts of which all is known, or waited for long enough."""
        waiting = []
        for ready_s, name, start in self._starts:
            load_s = loads.get(start.replica)
            if load_s is None and now_s - ready_s < LOAD_WAIT_S:
                waiting.append((ready_s, name, start))
                continue
            line = {"kind": "start", "name": name, **start.as_dict(), "load_s": load_s}
            line["at_s"] = line["ordered_at_s"] + line["took_s"]
            yield line
        self._starts = waiting

    def waiting(self) -> list[str]:
        """The replicas whose lines wait."""
        return [start.replica for _, _, start in self._starts]


def _between(last: _Written, totals: Totals, wall_s: float) -> Line:
    """Arrivals a second and mean time in service since the last line."""
    passed_s = max(1.0, wall_s - last.wall_s)
    done = (totals.completed or 0.0) - (last.totals.completed or 0.0)
    spent_s = totals.spent_s - last.totals.spent_s
    return {
        "arrivals_per_s": max(0.0, totals.counted - last.totals.counted) / passed_s,
        "service_s": spent_s / done if done > 0 else None,
    }

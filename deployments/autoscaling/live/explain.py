"""Tells from the journal why a deployment has the replicas it has."""

import re
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import NamedTuple

from deployments.autoscaling.errors import (
    NothingDecided,
    NothingMeasured,
    SinceUnclear,
)
from deployments.autoscaling.live import journal
from deployments.autoscaling.live.journal import Line

_SPAN = re.compile(r"(\d+(?:\.\d+)?)([smhd])")
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
LONGEST_LINE_S = 15.0
"""A decision's line stands until the next one, which is ten seconds later at most."""


@dataclass(frozen=True)
class History:
    """What the journal says of one deployment; times are of the epoch."""

    application: str
    name: str
    decisions: Sequence[Line]
    starts: Sequence[Line]

    @property
    def changes(self) -> list[Line]:
        """The decisions that differ from the one before in replicas or reason."""
        changed, before = [], None
        for line in self.decisions:
            shown = (line.get("replicas"), line.get("reason"))
            if shown != before:
                changed.append(line)
            before = shown
        return changed

    def replica_seconds(self, key: str) -> float:
        """What `target`, `replicas` (ours) or `reactive` would have cost in the span."""
        total = 0.0
        for line, after in zip(self.decisions, self.decisions[1:], strict=False):
            lasted_s = min(LONGEST_LINE_S, max(0.0, after["at_s"] - line["at_s"]))
            total += lasted_s * (line.get(key) or 0)
        return total


class Measured(NamedTuple):
    """How long a start takes, what a replica serves a second, how long it takes for one."""

    start_s: float
    per_replica: float
    service_s: float


def measured(told: History) -> Measured:
    """What a deployment has shown of itself by the end of the span.

    Raises:
        NothingMeasured: it has answered nothing.
    """
    services = [line["service_s"] for line in told.decisions if line.get("service_s")]
    if not services:
        raise NothingMeasured(told.name)
    last = told.decisions[-1]
    return Measured(last["start_s"], last["per_replica"], statistics.median(services))


def since_s(text: str, now_s: float) -> float:
    """The time of the epoch that `90s`, `10m`, `2h`, `3d` ago or an ISO time means.

    Raises:
        SinceUnclear: it is neither.
    """
    span = _SPAN.fullmatch(text)
    if span is not None:
        return now_s - float(span[1]) * _UNITS[span[2]]
    try:
        read = datetime.fromisoformat(text)
    except ValueError as error:
        raise SinceUnclear(text) from error
    aware = read if read.tzinfo else read.replace(tzinfo=timezone.utc)
    return aware.timestamp()


def history(folders: Iterable[Path], name: str, from_s: float) -> History:
    """What was decided for a deployment since then.

    Args:
        folders: of the applications to look through.
        name: the deployment.
        from_s: a time of the epoch.

    Raises:
        NothingDecided: naming the deployments of which there is something.
    """
    known: set[str] = set()
    for folder in folders:
        lines = list(journal.read(folder))
        known |= {str(line.get("name")) for line in lines}
        mine = [
            line
            for line in lines
            if line.get("name") == name and (line.get("at_s") or 0) >= from_s
        ]
        if mine:
            kinds = {kind: _of(mine, kind) for kind in ("decision", "start")}
            return History(folder.name, name, kinds["decision"], kinds["start"])
    raise NothingDecided(name, tuple(sorted(known)))


def _of(lines: Iterable[Line], kind: str) -> list[Line]:
    found = [line for line in lines if line["kind"] == kind]
    return sorted(found, key=lambda line: line["at_s"])

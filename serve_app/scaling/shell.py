"""The policy's outermost loop: decides once a second, and answers whatever happens within."""

import logging
import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Protocol, TypeVar
from urllib.parse import quote

from deployments.autoscaling.decision import Decision
from deployments.autoscaling.live.fallback import Fallback, reactive
from deployments.autoscaling.live.feed import Totals
from deployments.autoscaling.live.keeper import Background, Keeper, Runner
from deployments.autoscaling.live.live import Live
from deployments.autoscaling.prior import packaged_priors
from deployments.autoscaling.timeline import Now
from serve_app.scaling.contexts import Context, DeploymentKey, Reader, seen
from serve_app.scaling.nodes import Nodes

LOG_EVERY_S = 60.0
REBUILD_S = 120.0
"""After failing for so long it starts anew, without what it has learnt."""

# The controller shows what this logger says.
log = logging.getLogger("ray.serve")

Id = TypeVar("Id", bound=DeploymentKey)


@dataclass(frozen=True)
class Tick:
    """The figures of one tick; `faults`: of deciding, `refused`: of the disk."""

    decisions: Mapping[str, Decision]
    totals: Mapping[str, Totals]
    served: Mapping[str, float]
    faults: int
    refused: int
    took_s: float


class Shown(Protocol):
    """Where the figures of a tick go."""

    def show(self, tick: Tick, now_s: float) -> None:
        """Take the figures of one tick."""
        ...


def clock() -> Now:
    """The real clocks."""
    return Now(time.monotonic(), datetime.now(tz=timezone.utc).timestamp())


def folder_of(home: Path, application: str) -> Path:
    """Where the state and the journal of an application are."""
    return home / "autoscaling" / quote(application, safe="")


class Shell:
    """Answers for one application; nothing that is raised within gets out."""

    def __init__(
        self,
        home: Path,
        shown: Shown | None = None,
        clock: Callable[[], Now] = clock,
        runner: Runner | None = None,
        nodes: Nodes | None = None,
    ) -> None:
        self.faults = 0
        self._nodes = nodes or Nodes()
        self._home, self._shown, self._clock = home, shown, clock
        self._runner = runner or Background()
        self._fallback, self._reader = Fallback(), Reader()
        self._live: Live | None = None
        self._keeper: Keeper | None = None
        self._second: int | None = None
        self._answers: dict[str, int] = {}
        self._failing_since_s: float | None = None
        self._logged_s = -math.inf

    def decide(self, contexts: Mapping[Id, Context]) -> dict[Id, int]:
        """How many replicas each deployment shall have."""
        now = self._clock()
        second = math.floor(now.monotonic_s)
        known = all(key.name in self._answers for key in contexts)
        if second != self._second or not known:
            self._second = second
            self._try(now, contexts)
            self._answers = {
                key.name: self._answer(key.name, context, now)
                for key, context in contexts.items()
            }
        return {key: self._answers[key.name] for key in contexts}

    def _try(self, now: Now, contexts: Mapping[Id, Context]) -> None:
        began_s = time.perf_counter()
        try:
            live = self._tick(now, contexts)
            took_s = time.perf_counter() - began_s
            if self._shown is not None:
                self._shown.show(self._figures(live, took_s), now.monotonic_s)
            self._failing_since_s = None
        # Ray runs the policies of all applications in one loop: what one raises stops all.
        except Exception as error:  # noqa: BLE001
            self._complain(error, now)

    def _tick(self, now: Now, contexts: Mapping[Id, Context]) -> Live:
        sights = [self._reader.sight(key.name, one) for key, one in contexts.items()]
        if self._live is None:
            key, context = next(iter(contexts.items()))
            folder = folder_of(self._home, key.app_name)
            fleet = self._reader.terms(key.name, context).fleet
            self._keeper = Keeper(folder, self._runner)
            self._live = Live(fleet, packaged_priors(), self._keeper, now)
        self._live.tick(now, sights)
        self._nodes.need(self._live.nodes, now.monotonic_s)
        return self._live

    def _figures(self, live: Live, took_s: float) -> Tick:
        refused = self._keeper.faults if self._keeper else 0
        return Tick(
            live.decisions, live.totals, live.served(), self.faults, refused, took_s
        )

    def _answer(self, name: str, context: Context, now: Now) -> int:
        now_s, live = now.monotonic_s, self._live
        if live is None or live.decided_s != now_s:
            return self._fallback.answer(name, seen(context), now_s)
        decision = live.decisions.get(name)
        if decision is None:
            return context.target_num_replicas
        if not decision.acts:
            return reactive(seen(context))
        self._fallback.remember(name, decision.replicas, now_s)
        return decision.replicas

    def _complain(self, error: Exception, now: Now) -> None:
        self.faults += 1
        now_s = now.monotonic_s
        if self._failing_since_s is None:
            self._failing_since_s = now_s
        if not 0 <= now_s - self._logged_s < LOG_EVERY_S:
            self._logged_s = now_s
            log.error(
                "autoscaling failed, %d times so far; replicas follow the last answer "
                "and the load",
                self.faults,
                exc_info=error,
            )
        if now_s - self._failing_since_s > REBUILD_S:
            self._begin_anew(now_s)

    def _begin_anew(self, now_s: float) -> None:
        log.error("autoscaling begins anew, without what it had learnt")
        if self._keeper is not None:
            self._keeper.set_aside()
        self._live, self._failing_since_s = None, now_s

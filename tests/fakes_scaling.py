"""A Ray Serve for the autoscaling policy: replicas start, count, fall silent and die as told.

It has what the policy reads of `AutoscalingContext` and obeys as the controller does.
"""

from dataclasses import dataclass, field
from typing import Any

from configs.autoscaling import (
    AutoscalingSpec,
    CapacitySpec,
    ColdStartSpec,
    FleetSpec,
)
from deployments.autoscaling.live import journal
from deployments.autoscaling.live.meter import Meter
from deployments.autoscaling.timeline import Now
from serve_app.scaling.nodes import Nodes
from serve_app.scaling.shell import Shell, folder_of
from serve_app.scaling.terms import Terms, carried
from serve_app.scaling.wiring import autoscaling_config

MONDAY_S = 1_750_032_000.0


@dataclass(frozen=True)
class Key:
    """A deployment's id."""

    name: str
    app_name: str = "app"


@dataclass(frozen=True)
class ReplicaKey:
    """A replica's id."""

    unique_id: str


@dataclass(frozen=True)
class Point:
    """A value at a time."""

    timestamp: float
    value: float


class Policy:
    """Carries the terms."""

    def __init__(self, kwargs) -> None:
        self.policy_kwargs = kwargs


class Config:
    """What the controller keeps of a deployment's autoscaling config."""

    def __init__(self, terms: Terms) -> None:
        told: Any = autoscaling_config(terms)
        self.min_replicas = told["min_replicas"]
        self.max_replicas = told["max_replicas"]
        self.policy = Policy(carried(terms))
        self._target_ongoing = told["target_ongoing_requests"]

    def get_target_ongoing_requests(self):
        return self._target_ongoing


@dataclass
class Context:
    """One deployment as the policy sees it."""

    config: Any
    current_num_replicas: int
    target_num_replicas: int
    running_replicas: list[ReplicaKey]
    capacity_adjusted_min_replicas: int
    capacity_adjusted_max_replicas: int
    total_num_requests: float
    raw_metrics: Any


@dataclass
class Replica:
    """One replica: a real meter on the town's clock, and requests that it works on."""

    meter: Meter
    open: list[int] = field(default_factory=list)
    silent: bool = False
    last: tuple[float, dict[str, float]] | None = None


class RayTown:
    """One deployment, `ingress`, of an application; `second` lets a second pass."""

    def __init__(
        self, spec: AutoscalingSpec, replicas=1, start_s=3, rate=10, fleet=None
    ) -> None:
        self.config: Any = Config(Terms(spec=spec, fleet=fleet or FleetSpec()))
        self.start_s, self.rate = start_s, rate
        self.now_s, self.wall_s = 1000.0, MONDAY_S
        self.replicas: dict[str, Replica] = {}
        self.starting: list[float] = []
        self.target, self.made = 0, 0
        self.waiting, self.working = 0, 0.0
        # Above 0: what a request takes of `rate`; counted as work.
        self.tokens = 0
        self.scale(replicas)

    def clock(self):
        return Now(self.now_s, self.wall_s)

    def scale(self, target):
        """Obey: start what is missing, stop what is too much, the newest first."""
        self.target = max(target, self.config.min_replicas)
        self.target = min(self.target, self.config.max_replicas)
        while len(self.replicas) + len(self.starting) < self.target:
            self.starting.append(self.now_s + self.start_s)
        while len(self.replicas) + len(self.starting) > self.target:
            if self.starting:
                self.starting.pop()
            else:
                self.replicas.pop(max(self.replicas))

    def kill(self):
        """A replica dies with what it had; the controller starts another."""
        self.replicas.pop(min(self.replicas))
        self.scale(self.target)

    def contexts(self):
        """What the controller hands to the policy."""
        return {Key("ingress"): self._context()}

    def second(self, policy, arrivals=0):
        """A second passes, `arrivals` come, the policy is asked and obeyed."""
        self.now_s, self.wall_s = self.now_s + 1, self.wall_s + 1
        self._start()
        self._serve(arrivals)
        self._report()
        answers = policy(self.contexts())
        for count in answers.values():
            self.scale(count)
        return answers

    def _start(self):
        for at_s in [at for at in self.starting if at <= self.now_s]:
            self.starting.remove(at_s)
            self.made += 1
            self.replicas[f"r{self.made:04}"] = Replica(Meter(lambda: self.now_s))

    def _serve(self, arrivals):
        arrivals, self.waiting, self.working = arrivals + self.waiting, 0, 0.0
        names = sorted(self.replicas)
        if not names:
            self.waiting = arrivals
            return
        for at in range(arrivals):
            replica = self.replicas[names[at % len(names)]]
            replica.open.append(replica.meter.arrive("ingress"))
            if self.tokens:
                replica.meter.work.come("ingress", self.tokens)
        most = self.rate // max(1, self.tokens)
        for replica in self.replicas.values():
            done, replica.open = replica.open[:most], replica.open[most:]
            if self.tokens:
                replica.meter.work.done("ingress", self.tokens * len(done))
            # Each took a fifth of the second.
            self.working += len(done) / 5
            for ticket in done:
                replica.meter.leave("ingress", ticket, answered=True)

    def _report(self):
        for replica in self.replicas.values():
            if not replica.silent:
                replica.last = (self.wall_s, replica.meter.stats())

    def _context(self):
        keys = [ReplicaKey(name) for name in self.replicas]
        raw: dict[str, dict[ReplicaKey, list[Point]]] = {}
        for key in keys:
            last = self.replicas[key.unique_id].last
            stamp, values = last or (0.0, {})
            for name, value in values.items():
                raw.setdefault(name, {})[key] = [Point(stamp, value)]
        queued = sum(len(one.open) for one in self.replicas.values())
        return Context(
            config=self.config,
            current_num_replicas=len(keys),
            target_num_replicas=self.target,
            running_replicas=keys,
            capacity_adjusted_min_replicas=self.config.min_replicas,
            capacity_adjusted_max_replicas=self.config.max_replicas,
            total_num_requests=queued + self.waiting + self.working,
            raw_metrics=raw,
        )


class Inline:
    """Runs a job at once; `stuck`: the one before never ends."""

    def __init__(self) -> None:
        self.stuck = False

    @property
    def busy(self):
        return self.stuck

    def start(self, job):
        job()


def spec(**rest):
    return AutoscalingSpec(
        cold_start=ColdStartSpec(prior_s=3),
        capacity=CapacitySpec(requests_per_s=10, slots=2),
        **{"max_replicas": 8, **rest},
    )


class Town(RayTown):
    """A town whose policy is a real shell on its clock."""

    def __init__(self, home, chosen=None, **rest):
        super().__init__(chosen or spec(), **rest)
        self.home, self.requests = home, []
        self.restart()

    def restart(self):
        nodes = Nodes(self.requests.append, Inline())
        self.shell = Shell(self.home, clock=self.clock, runner=Inline(), nodes=nodes)

    def run(self, seconds, arrivals=0):
        return [
            self.second(self.shell.decide, arrivals)[Key("ingress")]
            for _ in range(seconds)
        ]

    def lines(self, kind):
        folder = folder_of(self.home, "app")
        return [one for one in journal.read(folder) if one["kind"] == kind]

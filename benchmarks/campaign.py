"""Runs everything in turn and collects what was seen."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.bare import model_work, pipeline_work
from benchmarks.child import run_child
from benchmarks.clusters import Cluster, Place
from benchmarks.contenders import Contender, Shape, Subject, Work
from benchmarks.facts import (
    BareJob,
    BareModel,
    ClosedLoop,
    IdleFact,
    LoadJob,
    Loop,
    Measurement,
    OpenLoop,
    RunName,
    SubjectFact,
)
from benchmarks.plan import Plan, bare_threads, turned
from benchmarks.probe import probe
from benchmarks.processes import cpu_s_by_role, machine_busy_s
from benchmarks.summary import MACHINE, WALL, summarise
from configs.environment import Environment

Tell = Callable[[str], None]
"""Called with what begins now, once a step."""

BARE = (
    SubjectFact(
        id="bare-model", title="bare ONNX Runtime loop", group="model", role="bare"
    ),
    SubjectFact(
        id="bare-pipeline",
        title="bare loop of all steps",
        group="pipeline",
        role="bare",
    ),
)
_SPARE_S = 90.0


@dataclass(slots=True)
class Campaign:
    """One run of the benchmark; `folder` takes bodies and the clusters' files."""

    work: Work
    shape: Shape
    plan: Plan
    folder: Path
    installation: Environment
    tell: Tell = lambda _: None
    measurements: list[Measurement] = field(default_factory=list)
    idle: dict[str, IdleFact] = field(default_factory=dict)
    _clusters: int = 0

    def run(self, contenders: tuple[Contender, ...]) -> None:
        """Measure the bare loops and every contender, `plan.repeats` times.

        Raises:
            ClusterError: a cluster did not come up.
            WrongAnswer: a contender answers with another class than the bare loop.
            ChildFailed: a measuring process died.
        """
        wanted = self._right_classes()
        for repeat in range(self.plan.repeats):
            for contender in turned((None, *contenders), repeat):
                if contender is None:
                    self._run_bare(repeat)
                else:
                    self._run_contender(contender, repeat, wanted)

    def _right_classes(self) -> Mapping[str, int]:
        """Group → the class that the bare computation gives."""
        tensor = self.work.tensor().tobytes()
        logits = model_work(self.work.bare_model(), tensor)()
        index, _ = pipeline_work(self.work.bare_members(), self.work.photo)()
        return {"model": int(logits[0].argmax()), "pipeline": int(index[0, 0])}

    def _run_bare(self, repeat: int) -> None:
        bodies = (self.work.tensor().tobytes(), self.work.photo)
        models = ((self.work.bare_model(),), self.work.bare_members())
        for fact, body, chosen in zip(BARE, bodies, models, strict=True):
            for threads in bare_threads(self.shape.slots):
                self._measure_bare(fact, body, chosen, (threads, repeat))

    def _measure_bare(
        self,
        fact: SubjectFact,
        body: bytes,
        models: tuple[BareModel, ...],
        run: tuple[int, int],
    ) -> None:
        threads, repeat = run
        self.tell(f"{fact.id}, {threads} thread(s)")
        job = BareJob(
            models=models,
            body=self._write(fact.id, body),
            threads=threads,
            warmup_s=self.plan.warmup_s,
            duration_s=self.plan.duration_s,
        )
        outcome, grown = run_child("benchmarks.bare", job, self._limit_s(), _clocks)
        name = RunName(subject=fact.id, load="closed", level=threads, repeat=repeat)
        clocks = {**grown, "bare loop": outcome.client_cpu_s}
        no_client = outcome.model_copy(update={"client_cpu_s": 0.0})
        self.measurements.append(summarise(name, no_client, clocks))

    def _run_contender(
        self, contender: Contender, repeat: int, wanted: Mapping[str, int]
    ) -> None:
        self.tell(f"starting {contender.name}")
        self._clusters += 1
        place = Place(self.folder / str(self._clusters), self.installation)
        with Cluster(place, contender.mode) as cluster:
            cluster.deploy(contender.config)
            for subject in contender.subjects:
                probe(subject, wanted[subject.fact.group])
            self._watch_idle(contender, cluster)
            for subject in contender.subjects:
                self._measure_subject(subject, cluster, repeat)

    def _watch_idle(self, contender: Contender, cluster: Cluster) -> None:
        before, started_s = _cpu_s(cluster), time.monotonic()
        time.sleep(self.plan.idle_s)
        after, waited_s = _cpu_s(cluster), time.monotonic() - started_s
        cores = {k: (v - before.get(k, 0.0)) / waited_s for k, v in after.items()}
        self.idle[contender.name] = IdleFact(contender=contender.name, cores=cores)

    def _measure_subject(self, subject: Subject, cluster: Cluster, repeat: int) -> None:
        best_per_s = 0.0
        for concurrency in self.plan.concurrency:
            name = RunName(
                subject=subject.fact.id,
                load="closed",
                level=concurrency,
                repeat=repeat,
            )
            seen = self._measure(
                subject, cluster, name, ClosedLoop(concurrency=concurrency)
            )
            best_per_s = max(best_per_s, seen.throughput_per_s)
        for percent in self.plan.open_percent if best_per_s else ():
            rate_per_s = best_per_s * percent / 100
            name = RunName(
                subject=subject.fact.id,
                load="open",
                level=percent,
                repeat=repeat,
                offered_per_s=rate_per_s,
            )
            loop = OpenLoop(rate_per_s=rate_per_s, seed=repeat)
            self._measure(subject, cluster, name, loop)

    def _measure(
        self, subject: Subject, cluster: Cluster, name: RunName, loop: Loop
    ) -> Measurement:
        self.tell(f"{name.subject}, {name.load} {name.level}")
        job = LoadJob(
            target=subject.target,
            body=self._write(name.subject, subject.body),
            loop=loop,
            warmup_s=self.plan.warmup_s,
            duration_s=self.plan.duration_s,
        )
        outcome, grown = run_child(
            "benchmarks.load",
            job,
            self._limit_s(),
            lambda: {**_cpu_s(cluster), **_clocks()},
        )
        seen = summarise(name, outcome, grown)
        self.measurements.append(seen)
        return seen

    def _write(self, name: str, body: bytes) -> Path:
        file = self.folder / f"{name}.body"
        file.write_bytes(body)
        return file

    def _limit_s(self) -> float:
        return self.plan.warmup_s + self.plan.duration_s + _SPARE_S


def steps(plan: Plan, contenders: tuple[Contender, ...], shape: Shape) -> int:
    """How many times a campaign tells of a step."""
    bare = len(BARE) * len(bare_threads(shape.slots))
    runs = len(plan.concurrency) + len(plan.open_percent)
    served = sum(1 + runs * len(contender.subjects) for contender in contenders)
    return plan.repeats * (bare + served)


def _clocks() -> dict[str, float]:
    return {MACHINE: machine_busy_s(), WALL: time.monotonic()}


def _cpu_s(cluster: Cluster) -> dict[str, float]:
    return cpu_s_by_role(cluster.processes())

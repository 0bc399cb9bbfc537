"""One subject in one repeat: closed loops, then the search for its highest rate."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.child import Child, run_child, watched
from benchmarks.contenders import Subject
from benchmarks.facts import ClosedLoop, LoadJob, Measurement, RunName
from benchmarks.peers.facts import ServerJob, SubjectRun, Trial
from benchmarks.peers.hosts import Clocks
from benchmarks.peers.plan import Plan
from benchmarks.peers.search import best_qps, next_qps
from benchmarks.processes import machine_busy_s
from benchmarks.summary import MACHINE, WALL, others_cores, summarise

FIRST_SHARE = 0.9
"""Of the best closed loop: where a search begins."""

_SPARE_S = 120.0


def machine_clocks() -> dict[str, float]:
    """The whole machine's CPU seconds, and the time."""
    return {MACHINE: machine_busy_s(), WALL: time.monotonic()}


@dataclass(slots=True)
class Measuring:
    """The subjects of one host; `folder` takes bodies and LoadGen's logs."""

    plan: Plan
    slos_ms: tuple[float, ...]
    folder: Path
    clocks: Clocks
    repeat: int
    _trials: list[Trial] = field(default_factory=list)

    def run(self, subject: Subject) -> SubjectRun:
        """Measure one subject.

        Raises:
            ChildFailed: a measuring process died.
        """
        self._trials = []
        closed = tuple(
            self._closed(subject, callers) for callers in self.plan.concurrency
        )
        best_per_s = max((one.throughput_per_s for one in closed), default=0.0)
        peaks: dict[str, float | None] = {}
        first_qps = FIRST_SHARE * best_per_s
        for slo_ms in self.slos_ms:
            peak = self._peak(subject, slo_ms, first_qps) if first_qps else None
            peaks[f"{slo_ms:g}"] = peak
            first_qps = peak or first_qps
        return SubjectRun(
            subject=subject.fact.id,
            repeat=self.repeat,
            closed=closed,
            trials=tuple(self._trials),
            peak_qps=peaks,
        )

    def _closed(self, subject: Subject, callers: int) -> Measurement:
        name = RunName(
            subject=subject.fact.id, load="closed", level=callers, repeat=self.repeat
        )
        job = LoadJob(
            target=subject.target,
            body=self._body(subject),
            loop=ClosedLoop(concurrency=callers),
            warmup_s=self.plan.warmup_s,
            duration_s=self.plan.duration_s,
        )
        limit_s = job.warmup_s + job.duration_s + _SPARE_S
        outcome, grown = run_child("benchmarks.load", job, limit_s, self._all_clocks)
        return summarise(name, outcome, grown)

    def _peak(self, subject: Subject, slo_ms: float, first_qps: float) -> float | None:
        tried: dict[float, bool] = {}
        while qps := next_qps(tried, first_qps, self.plan.effort):
            trial = self._trial(subject, slo_ms, qps)
            self._trials.append(trial)
            tried[qps] = trial.within and (trial.valid or not self.plan.proof)
        return best_qps(tried)

    def _trial(self, subject: Subject, slo_ms: float, qps: float) -> Trial:
        job = ServerJob(
            target=subject.target,
            body=self._body(subject),
            logs=self.folder / "loadgen",
            target_qps=qps,
            slo_ms=slo_ms,
            seed=self.repeat,
            warmup_s=self.plan.warmup_s,
            min_duration_s=self.plan.trial_s,
            min_queries=self.plan.trial_queries,
        )
        limit_s = job.warmup_s + job.min_duration_s + job.min_queries / qps + _SPARE_S
        with Child("benchmarks.peers.loadgen", job, limit_s) as child:
            trial, grown = watched(child, Trial, self._all_clocks)
        return with_clocks(trial, grown)

    def _all_clocks(self) -> Mapping[str, float]:
        return {**self.clocks(), **machine_clocks()}

    def _body(self, subject: Subject) -> Path:
        file = self.folder / f"{subject.fact.id}.body"
        if not file.exists():
            file.write_bytes(subject.body)
        return file


def with_clocks(trial: Trial, grown: Mapping[str, float]) -> Trial:
    """A trial with what its servers and everybody else took of the CPU."""
    ours = {k: v for k, v in grown.items() if k not in (MACHINE, WALL)}
    client_s = trial.client_cores * grown.get(WALL, 0.0)
    return trial.model_copy(
        update={
            "others_cores": others_cores(grown, sum(ours.values()) + client_s),
            "server_cpu_ms": {k: 1000 * v / trial.queries for k, v in ours.items()},
        }
    )

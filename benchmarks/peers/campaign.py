"""Runs every contender in turn, in each repeat from another one on."""

import contextlib
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.bare import model_work
from benchmarks.child import ChildFailed, run_child
from benchmarks.contenders import Work
from benchmarks.facts import BareJob, RunName
from benchmarks.peers.affinity import Cores, pinned
from benchmarks.peers.facts import Absent, BareBatches, SubjectRun
from benchmarks.peers.hosts import Host
from benchmarks.peers.measuring import Measuring, machine_clocks
from benchmarks.peers.plan import Plan
from benchmarks.peers.server import ServerFailed
from benchmarks.plan import turned
from benchmarks.probe import WrongAnswer
from benchmarks.summary import summarise
from serve_app.cluster.errors import ClusterError

Tell = Callable[[str], None]
"""Called with what begins now."""

_SPARE_S = 60.0
_FAILURES = (ServerFailed, ClusterError, WrongAnswer, ChildFailed, OSError)


@dataclass(slots=True)
class Comparison:
    """One run; whoever fails is named under `absent`, with the reason.

    `folder` must be short, for the clusters make sockets below it.
    """

    work: Work
    plan: Plan
    slos_ms: tuple[float, ...]
    folder: Path
    servers: Cores
    client: Cores
    workers: int
    tell: Tell = lambda _: None
    bare: list[BareBatches] = field(default_factory=list)
    runs: list[SubjectRun] = field(default_factory=list)
    absent: list[Absent] = field(default_factory=list)
    _started: int = 0

    def run(self, hosts: tuple[Host, ...]) -> None:
        """Measure every host, `plan.repeats` times, the bare loop before each and last.

        A machine that others share is faster and slower by the minute: the median of
        the bare loops is of the same minutes as the hosts.
        """
        tensor = self.work.tensor().tobytes()
        logits = model_work(self.work.bare_model(), tensor)()[0]
        wanted = int(logits.argmax())
        for repeat in range(self.plan.repeats):
            for host in turned(hosts, repeat):
                self._run_bare(repeat, tensor)
                self._try(host, repeat, wanted)
            self._run_bare(repeat, tensor)

    def _run_bare(self, repeat: int, tensor: bytes) -> None:
        file = self.folder / "bare.body"
        file.write_bytes(tensor)
        for batch in self.plan.bare_batches:
            self.tell(f"bare loop, batch {batch}")
            job = BareJob(
                models=(self.work.bare_model(),),
                body=file,
                batch=batch,
                threads=self.workers,
                warmup_s=self.plan.warmup_s,
                duration_s=self.plan.duration_s,
            )
            self.bare.append(self._bare_batches(job, repeat))

    def _bare_batches(self, job: BareJob, repeat: int) -> BareBatches:
        limit_s = job.warmup_s + job.duration_s + _SPARE_S
        with pinned(self.servers):
            outcome, grown = run_child("benchmarks.bare", job, limit_s, machine_clocks)
        name = RunName(subject="bare", load="closed", level=job.threads, repeat=repeat)
        seen = summarise(name, outcome, grown)
        return BareBatches(
            repeat=repeat,
            batch=job.batch,
            threads=job.threads,
            images_per_s=job.batch * seen.throughput_per_s,
            p50_ms=seen.p50_ms,
            p99_ms=seen.p99_ms,
            others_cores=seen.others_cores,
        )

    def _try(self, host: Host, repeat: int, wanted: int) -> None:
        try:
            self._run_host(host, repeat, wanted)
        except _FAILURES as error:
            reason = without_folders(str(error))
            self.absent.append(Absent(name=host.name, reason=reason))

    def _run_host(self, host: Host, repeat: int, wanted: int) -> None:
        self.tell(f"starting {host.name}")
        self._started += 1
        folder = self.folder / str(self._started)
        folder.mkdir()
        with contextlib.ExitStack() as stack:
            with pinned(self.servers):
                clocks = stack.enter_context(host.running(folder, wanted))
            measuring = Measuring(self.plan, self.slos_ms, folder, clocks, repeat)
            stack.enter_context(pinned(self.client))
            for subject in host.subjects:
                self.tell(subject.fact.title)
                self.runs.append(measuring.run(subject))


def without_folders(text: str) -> str:
    """Results are published: of an absolute path only the last part stays."""
    return re.sub(r"(?<![\w:/])/(?:[^\s/'\"]+/)+", "", text)

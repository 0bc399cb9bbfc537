"""What a comparison is asked to do and what it saw; also the schema of its JSON result."""

from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from pydantic import Field

from benchmarks.facts import Measurement, SplitFact, SubjectFact, Target
from models.card import Fact

Layout = Literal["apart", "shared"]
"""`apart`: the servers have all cores but one, the client that one. `shared`: no pins."""


class ServerJob(Fact):
    """One run of LoadGen's Server scenario against one target.

    `min_queries` and `min_duration_s`: the run ends when both are over.
    """

    target: Target
    body: Path
    logs: Path
    target_qps: float = Field(gt=0, le=100_000)
    slo_ms: float = Field(gt=0)
    seed: int
    warmup_s: float = Field(ge=0, le=60)
    min_duration_s: float = Field(gt=0, le=600)
    min_queries: int = Field(ge=1)
    timeout_s: float = Field(30.0, gt=0, le=120)


class Trial(Fact):
    """What LoadGen says of one run; latency counts from the scheduled arrival.

    Args:
        valid: LoadGen's verdict for `slo_ms`, its early-stopping criterion included.
        early_stopping: whether the number of late answers proves the percentile.
        late: answers later than `slo_ms`.
        errors: answers that were failures, by kind; LoadGen does not know of them.
    """

    target_qps: float
    slo_ms: float
    queries: int
    completed_per_s: float
    p50_ms: float
    p90_ms: float
    p99_ms: float
    late: int
    early_stopping: bool
    valid: bool
    errors: Mapping[str, int] = {}
    client_cores: float = 0.0
    others_cores: float = 0.0
    server_cpu_ms: Mapping[str, float] = {}

    @property
    def within(self) -> bool:
        """Whether every query was answered well and p99 is within the SLO."""
        return not self.errors and self.p99_ms <= self.slo_ms


class BareBatches(Fact):
    """The bare loop at one batch size on the servers' cores; latency is of a batch."""

    repeat: int
    batch: int
    threads: int
    images_per_s: float
    p50_ms: float | None
    p99_ms: float | None
    others_cores: float = 0.0


class SubjectRun(Fact):
    """One subject in one repeat; `peak_qps` by SLO in ms, None where none was reached."""

    subject: str
    repeat: int
    closed: tuple[Measurement, ...]
    trials: tuple[Trial, ...]
    peak_qps: Mapping[str, float | None]


class Absent(Fact):
    """A peer that was not measured, and why."""

    name: str
    reason: str


class AddedFact(Fact):
    """What the server adds to the model's own time at Poisson load, in ms.

    Args:
        load: share of what one thread of the model can do.
        answer: server time minus the model's run, waiting for the busy thread included.
        server: the same without that wait.
        queue: the wait alone.
    """

    subject: str
    load: float
    requests: int
    run_p50_ms: float
    answer_ms: Mapping[str, float]
    server_ms: Mapping[str, float]
    queue_ms: Mapping[str, float]


class PeerResults(Fact):
    """Everything one comparison found; `ended_early`: somebody stopped it."""

    date: str
    commit: str
    quick: bool
    ended_early: bool = False
    layout: Layout
    slos_ms: tuple[float, ...]
    machine: Mapping[str, str]
    versions: Mapping[str, str]
    settings: Mapping[str, str]
    subjects: tuple[SubjectFact, ...]
    bare: tuple[BareBatches, ...]
    runs: tuple[SubjectRun, ...]
    absent: tuple[Absent, ...] = ()
    added: tuple[AddedFact, ...] = ()
    splits: tuple[SplitFact, ...] = ()

"""What a benchmark is asked to do and what it saw; also the schema of the JSON result."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from configs.model import ImageSpec
from models.card import Fact


class HttpTarget(Fact):
    """A POST of the same body again and again."""

    kind: Literal["http"] = "http"
    url: str
    headers: Mapping[str, str] = {}


class GrpcTarget(Fact):
    """A unary call with the same serialised message again and again."""

    kind: Literal["grpc"] = "grpc"
    address: str
    method: str = Field(pattern=r"^/[\w.]+/\w+$")
    metadata: Mapping[str, str] = {}


Target = Annotated[HttpTarget | GrpcTarget, Field(discriminator="kind")]


class ClosedLoop(Fact):
    """`concurrency` callers, each sending its next request when the last is answered."""

    kind: Literal["closed"] = "closed"
    concurrency: int = Field(ge=1, le=1024)


class OpenLoop(Fact):
    """Poisson arrivals that do not wait for answers."""

    kind: Literal["open"] = "open"
    rate_per_s: float = Field(gt=0, le=100_000)
    seed: int


Loop = Annotated[ClosedLoop | OpenLoop, Field(discriminator="kind")]


class LoadJob(Fact):
    """One run of the load generator."""

    target: Target
    body: Path
    loop: Loop
    warmup_s: float = Field(ge=0, le=60)
    duration_s: float = Field(gt=0, le=600)
    timeout_s: float = Field(30.0, gt=0, le=120)


class BareModel(Fact):
    """One model of a bare loop; `image` only where photos are decoded."""

    file: Path
    weight: float = 1.0
    image: ImageSpec | None = None


class BareJob(Fact):
    """The work of a request without any server, on `threads` threads.

    `batch`: rows of one run of a model alone; a latency is that of a batch.
    """

    models: tuple[BareModel, ...] = Field(min_length=1)
    body: Path
    batch: int = Field(1, ge=1, le=1024)
    threads: int = Field(ge=1, le=256)
    warmup_s: float = Field(ge=0, le=60)
    duration_s: float = Field(gt=0, le=600)


class PlainArgs(Fact):
    """What to serve; `threads` is the runtime's, for one batch on one replica.

    `pixels`: how a model served alone normalises a UINT8 crop. `tuned`: whether batches
    and requests in flight have our limits, or those that Ray Serve has by itself.
    """

    models: tuple[BareModel, ...]
    threads: int
    replicas: int
    tuned: bool = True
    pixels: ImageSpec | None = None


class Outcome(Fact):
    """What one run saw; latencies are those of good answers only.

    `lag_ms`: how late the generator itself sent, one number a request (open loop).
    """

    latencies_ms: tuple[float, ...]
    errors: Mapping[str, int] = {}
    elapsed_s: float = Field(gt=0)
    client_cpu_s: float = Field(ge=0)
    lag_ms: tuple[float, ...] = ()


class RunName(Fact):
    """Which run of which subject.

    `load`: `closed` with `level` callers, or `open` with `level` percent of the
    highest closed-loop throughput of the same repeat.
    """

    subject: str
    load: Literal["closed", "open"]
    level: int
    repeat: int
    offered_per_s: float | None = None


class Measurement(RunName):
    """One run, summarised. Times in ms, `cpu_ms` is CPU time a good answer by process.

    `others_cores`: what programs that are not measured took of the machine meanwhile.
    """

    answers: int
    errors: Mapping[str, int] = {}
    throughput_per_s: float
    p50_ms: float | None
    p90_ms: float | None
    p99_ms: float | None
    client_cores: float
    lag_p99_ms: float | None = None
    others_cores: float = 0.0
    cpu_ms: Mapping[str, float] = {}


class IdleFact(Fact):
    """CPU of a deployed cluster nobody calls, in cores, by process."""

    contender: str
    cores: Mapping[str, float]


class SplitFact(Fact):
    """Where the time of one request goes inside a replica, mean ms at one caller."""

    subject: str
    requests: int
    total_ms: float
    parts_ms: Mapping[str, float]


class SubjectFact(Fact):
    """One row of the report: `rank` says what it is compared with."""

    id: str
    title: str
    group: Literal["model", "pipeline"]
    role: Literal["bare", "plain", "peer", "headwater"]
    request_bytes: int = 0


class Results(Fact):
    """Everything one run of the command found; `failure` is why it ended early."""

    date: str
    commit: str
    quick: bool
    failure: str | None = None
    machine: Mapping[str, str]
    versions: Mapping[str, str]
    settings: Mapping[str, str]
    subjects: tuple[SubjectFact, ...]
    measurements: tuple[Measurement, ...]
    idle: tuple[IdleFact, ...] = ()
    splits: tuple[SplitFact, ...] = ()

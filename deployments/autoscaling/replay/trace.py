"""Recorded arrivals, and the deployment they are replayed against."""

import zipfile
from dataclasses import dataclass
from functools import cached_property
from io import BytesIO
from pathlib import Path

import numpy as np

from deployments.autoscaling.errors import TraceUnreadable
from deployments.autoscaling.rows import Floats, Ints

DAY_S = 86_400
MOST_DAYS = 10
SMOOTH_S = 301
SMOOTH_PER_S = 80
LEAST_PER_S = 2
SUBSTEPS = 5
SLOTS = 4
FULL_REPLICAS = 8
LEAST_SLACK_S = 0.6


@dataclass(frozen=True, eq=False)
class Trace:
    """Arrivals in every second, and what serves them.

    A replica is so fast that the mean load needs eight full ones; a request meets its
    SLO if it waits no longer than 0.6 s or half its service time.
    """

    name: str
    arrivals: Ints

    @property
    def seconds(self) -> int:
        """How long the trace is."""
        return len(self.arrivals)

    @cached_property
    def per_replica(self) -> float:
        """Requests a second of one full replica."""
        return float(self.arrivals.mean()) / FULL_REPLICAS

    @cached_property
    def service_s(self) -> float:
        """How long a replica works on one request."""
        return SLOTS / self.per_replica

    @cached_property
    def wait_budget_s(self) -> float:
        """How long a request may wait and meet its SLO."""
        return max(LEAST_SLACK_S, self.service_s / 2)

    @property
    def warm_up_s(self) -> int:
        """Seconds at the start that are served but not counted."""
        if self.seconds > 5 * DAY_S:
            return 3 * DAY_S
        return 4 * 3600 if self.seconds > 20 * 3600 else 600

    @property
    def first_replicas(self) -> int:
        """What is running when the trace starts."""
        mean = float(self.arrivals[:600].mean())
        return max(1, int(np.ceil(mean / (self.per_replica * 0.6))))

    @cached_property
    def parts(self) -> Ints:
        """The arrivals of every fifth of a second, drawn evenly; one row a second."""
        draw = np.random.default_rng(1)
        even = [1 / SUBSTEPS] * SUBSTEPS
        return np.asarray(draw.multinomial(self.arrivals, even), np.int64)


@dataclass(frozen=True, eq=False)
class MeasuredTrace(Trace):
    """Arrivals in front of replicas that are as they were measured."""

    serves_per_s: float
    takes_s: float

    @property
    def per_replica(self) -> float:
        """See `Trace.per_replica`."""
        return self.serves_per_s

    @property
    def service_s(self) -> float:
        """See `Trace.service_s`."""
        return self.takes_s


def read_trace(file: Path) -> Trace:
    """Read an .npz with `rps` (requests in each second) and `resolution_s`.

    Raises:
        TraceUnreadable: it is not such a file, or holds no arrivals.
    """
    try:
        with np.load(BytesIO(file.read_bytes()), allow_pickle=False) as stored:
            arrivals = np.asarray(stored["rps"])
            resolution_s = int(stored["resolution_s"])
    except (
        OSError,
        ValueError,
        KeyError,
        TypeError,
        EOFError,
        zipfile.BadZipFile,
    ) as error:
        reason = "is no trace, an .npz with rps and resolution_s"
        raise TraceUnreadable(file, reason) from error
    return trace_of(file, arrivals, resolution_s)


def trace_of(file: Path, arrivals: Ints, resolution_s: int) -> Trace:
    """Check the arrivals; where seconds were not recorded or are thin, redraw them.

    Raises:
        TraceUnreadable: they are no counts, too short, or all zero.
    """
    if arrivals.ndim != 1 or arrivals.dtype.kind not in "iuf" or len(arrivals) < 1200:
        raise TraceUnreadable(file, "rps must be at least 1200 counts, one a second")
    if not np.isfinite(arrivals).all() or arrivals.min() < 0 or arrivals.max() > 1e6:
        raise TraceUnreadable(file, "rps must be counts between 0 and a million")
    arrivals = arrivals.astype(np.int64)
    thin = resolution_s > 1 or arrivals.mean() < LEAST_PER_S
    if len(arrivals) > DAY_S and thin and resolution_s < 600:
        arrivals = _redrawn(arrivals)
    arrivals = arrivals[: MOST_DAYS * DAY_S]
    if not arrivals.any():
        raise TraceUnreadable(file, "nothing arrives in it")
    return Trace(file.stem, arrivals)


def _redrawn(arrivals: Ints) -> Ints:
    """Five-minute intensity at 80 requests/s, as independent arrivals."""
    total: Floats = np.concatenate([[0], np.cumsum(arrivals)]).astype(np.float64)
    at = np.arange(len(arrivals))
    half = SMOOTH_S // 2
    first = np.maximum(0, at - half)
    last = np.minimum(len(arrivals), at + half + 1)
    intensity = (total[last] - total[first]) / (last - first)
    mean = intensity[: MOST_DAYS * DAY_S].mean()
    if mean <= 0:
        return arrivals
    drawn = np.random.default_rng(5).poisson(intensity * SMOOTH_PER_S / mean)
    return np.asarray(drawn, np.int64)

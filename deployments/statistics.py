"""What replicas have counted, in the words of the statistics extension. Pure.

One replica reads its own counts through a `Ledger`; `merge` adds up what several told.
Source: the statistics extension of the Open Inference Protocol as Triton counts: a
request waits for its whole batch, so its compute time is that of the batch.
"""

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from deployments.batching.stats import BatchStats, Stages
from deployments.control import BatchStatistic, Counts, Duration, ModelStatistics
from deployments.errors import ModelNotFound, VersionNotFound
from deployments.messages import Reply, Request
from deployments.nodes import Node

KEYS = (
    "success",
    "fail",
    "queue",
    "compute_input",
    "compute_infer",
    "compute_output",
    "cache_hit",
    "cache_miss",
)
"""What `ModelStatistics.inference_stats` always has, in Triton's order."""

Seat = tuple[str, str]
"""Name and version."""


def of_batcher(name: str, version: str, stats: BatchStats) -> ModelStatistics:
    """What one model has done on this replica."""
    runs = stats.stages.by_rows()
    return ModelStatistics(
        name,
        version,
        last_inference_ms=stats.stages.last_ms,
        inference_count=sum(rows * stages.count for rows, stages in runs),
        execution_count=sum(stages.count for _, stages in runs),
        inference_stats=_every(
            success=_seconds(stats.well, stats.well_s),
            fail=_seconds(stats.badly, stats.badly_s),
            queue=_seconds(stats.well, stats.well_queue_s),
            **_compute(stats.stages.waited()),
        ),
        batch_stats=tuple(_batch(rows, stages) for rows, stages in runs),
    )


class Tally:
    """What was asked of one name here at the front, whoever computes it."""

    def __init__(self) -> None:
        self.stats = BatchStats()

    def count(self, rows: int, took_ns: int, *, is_well: bool) -> None:
        """Count one request; its rows are a run of their own."""
        self.stats.answer(is_well, took_ns / 1e9)
        if is_well:
            now_ns = time.perf_counter_ns()
            began_ns = now_ns - took_ns
            self.stats.stages.add(rows, 1, (began_ns, began_ns, now_ns, now_ns))


class Tallied:
    """A node whose requests are counted: for pipelines, which have no queue."""

    def __init__(self, node: Node, tally: Tally) -> None:
        self._node, self._tally = node, tally

    async def infer(self, request: Request) -> Reply:
        """See `Node.infer`."""
        began_ns, is_well = time.perf_counter_ns(), False
        try:
            reply = await self._node.infer(request)
            is_well = True
        finally:
            rows = len(next(iter(request.inputs.values())))
            took_ns = time.perf_counter_ns() - began_ns
            self._tally.count(rows, took_ns, is_well=is_well)
        return reply


class Ledger:
    """The counts of one replica; what has left is still part of its sums."""

    def __init__(self) -> None:
        self._open: dict[Seat, BatchStats] = {}
        self._past: dict[Seat, ModelStatistics] = {}

    def enter(self, name: str, version: str, stats: BatchStats) -> None:
        """Count on with `stats`, which its owner goes on filling from zero."""
        if self._open.get((name, version)) is not stats:
            self.leave(name, version)
            self._open[name, version] = stats

    def leave(self, name: str, version: str) -> None:
        """Keep what was counted; one that never entered is no error."""
        seat = (name, version)
        stats = self._open.pop(seat, None)
        if stats is not None:
            told = of_batcher(name, version, stats)
            self._past[seat] = _add(self._past.get(seat), told)

    def statistics(
        self, memory: Mapping[Seat, Mapping[str, int]] | None = None
    ) -> tuple[ModelStatistics, ...]:
        """Everything counted here; `memory`: bytes by kind of what is resident now."""
        now = [of_batcher(*seat, stats) for seat, stats in self._open.items()]
        held = memory or {}
        return tuple(
            replace(told, memory_bytes=dict(held.get((told.name, told.version), {})))
            for told in merge([tuple(self._past.values()), now])
        )


def merge(replicas: Iterable[Sequence[ModelStatistics]]) -> tuple[ModelStatistics, ...]:
    """The sums over replicas by name and version, ordered by both."""
    sums: dict[Seat, ModelStatistics] = {}
    for replica in replicas:
        for told in replica:
            seat = (told.name, told.version)
            sums[seat] = _add(sums.get(seat), told)
    return tuple(sums[seat] for seat in sorted(sums, key=_order))


def pick(
    told: Sequence[ModelStatistics], name: str = "", version: str = ""
) -> tuple[ModelStatistics, ...]:
    """What is said of one version, one name or (empty) everything.

    Raises:
        ModelNotFound: nothing is said of that name.
        VersionNotFound: something of the name, nothing of the version.
    """
    named = tuple(one for one in told if name in ("", one.name))
    if name and not named:
        raise ModelNotFound(name)
    found = tuple(one for one in named if version in ("", one.version))
    if version and not found:
        raise VersionNotFound(name, version)
    return found


def _add(one: ModelStatistics | None, other: ModelStatistics) -> ModelStatistics:
    if one is None:
        return other
    return ModelStatistics(
        one.name,
        one.version,
        max(one.last_inference_ms, other.last_inference_ms),
        one.inference_count + other.inference_count,
        one.execution_count + other.execution_count,
        {
            key: _both(
                one.inference_stats.get(key, Duration()),
                other.inference_stats.get(key, Duration()),
            )
            for key in {**one.inference_stats, **other.inference_stats}
        },
        _add_batches(one.batch_stats, other.batch_stats),
        {
            kind: one.memory_bytes.get(kind, 0) + other.memory_bytes.get(kind, 0)
            for kind in sorted({*one.memory_bytes, *other.memory_bytes})
        },
        _add_counts(one.ensemble, other.ensemble),
        _add_counts(one.residency, other.residency),
    )


def _add_counts(one: Counts, other: Counts) -> Counts:
    found: dict[str, float | Counts] = dict(one)
    for name, count in other.items():
        so_far = found.get(name, 0)
        if isinstance(count, Mapping):
            inner = so_far if isinstance(so_far, Mapping) else {}
            found[name] = _add_counts(inner, count)
        elif not isinstance(so_far, Mapping):
            found[name] = so_far + count
    return found


def _add_batches(
    one: Sequence[BatchStatistic], other: Sequence[BatchStatistic]
) -> tuple[BatchStatistic, ...]:
    sums: dict[int, BatchStatistic] = {}
    for batch in (*one, *other):
        so_far = sums.get(batch.batch_size, BatchStatistic(batch.batch_size))
        sums[batch.batch_size] = BatchStatistic(
            batch.batch_size,
            _both(so_far.compute_input, batch.compute_input),
            _both(so_far.compute_infer, batch.compute_infer),
            _both(so_far.compute_output, batch.compute_output),
        )
    return tuple(sums[size] for size in sorted(sums))


def _both(one: Duration, other: Duration) -> Duration:
    return Duration(one.count + other.count, one.ns + other.ns)


def _order(seat: Seat) -> tuple[str, int, str]:
    name, version = seat
    return name, int(version) if version.isdecimal() else 0, version


def _every(**known: Duration) -> Mapping[str, Duration]:
    return {key: known.get(key, Duration()) for key in KEYS}


def _seconds(count: int, total_s: float) -> Duration:
    return Duration(count, round(total_s * 1e9))


def _compute(stages: Stages) -> Mapping[str, Duration]:
    return {
        "compute_input": Duration(stages.count, stages.input_ns),
        "compute_infer": Duration(stages.count, stages.infer_ns),
        "compute_output": Duration(stages.count, stages.output_ns),
    }


def _batch(rows: int, stages: Stages) -> BatchStatistic:
    return BatchStatistic(rows, **_compute(stages))

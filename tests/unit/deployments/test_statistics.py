"""What replicas count, and the sum of it."""

import asyncio
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from configs.model import BatchingSpec
from deployments.batching.stats import BatchStats, StageStats
from deployments.control import BatchStatistic, Counts, Duration, ModelStatistics
from deployments.errors import (
    BackendFailed,
    ModelNotFound,
    NotReady,
    Overloaded,
    VersionNotFound,
)
from deployments.messages import Reply, Request
from deployments.model import Model
from deployments.slots import Slots
from deployments.statistics import (
    KEYS,
    Ledger,
    Tallied,
    Tally,
    merge,
    of_batcher,
    pick,
)
from tests.fakes import DoublingBackend, floats

durations = st.builds(Duration, st.integers(0, 9), st.integers(0, 99))
batches = st.builds(BatchStatistic, st.integers(1, 4), durations, durations, durations)
counts = st.fixed_dictionaries(
    {"rows": st.integers(0, 9)},
    optional={"members": st.dictionaries(st.sampled_from("ab"), st.integers(0, 9))},
)
statistics = st.builds(
    ModelStatistics,
    st.sampled_from(["a", "b"]),
    st.sampled_from(["1", "2", "10"]),
    st.integers(0, 9),
    st.integers(0, 9),
    st.integers(0, 9),
    st.fixed_dictionaries(dict.fromkeys(KEYS, durations)),
    st.lists(batches, max_size=3, unique_by=lambda b: b.batch_size).map(
        lambda found: tuple(sorted(found, key=lambda b: b.batch_size))
    ),
    st.dictionaries(st.sampled_from(["CPU", "GPU"]), st.integers(0, 9)),
    counts,
)
replicas = st.lists(
    st.lists(statistics, max_size=4, unique_by=lambda s: (s.name, s.version)),
    max_size=4,
)


@given(replicas)
def test_sum_does_not_depend_on_who_is_added_first(told: list[list[ModelStatistics]]):
    one_by_one: Sequence[ModelStatistics] = ()
    for replica in reversed(told):
        one_by_one = merge([one_by_one, replica])

    assert merge(told) == one_by_one


@given(replicas)
def test_nothing_is_lost_in_a_sum(told: list[list[ModelStatistics]]):
    summed = merge(told)

    parts = [one for replica in told for one in replica]
    assert {(s.name, s.version) for s in summed} == {(p.name, p.version) for p in parts}
    assert sum(s.inference_count for s in summed) == sum(
        p.inference_count for p in parts
    )
    for key in KEYS:
        assert sum(s.inference_stats[key].ns for s in summed) == sum(
            p.inference_stats[key].ns for p in parts
        )
    assert sum(b.compute_infer.count for s in summed for b in s.batch_stats) == sum(
        b.compute_infer.count for p in parts for b in p.batch_stats
    )


def test_sum_is_ordered_by_name_and_version_as_a_number():
    told = [[ModelStatistics("b", "1"), ModelStatistics("a", "10")]]

    summed = merge([*told, [ModelStatistics("a", "9")]])

    assert [(s.name, s.version) for s in summed] == [
        ("a", "9"),
        ("a", "10"),
        ("b", "1"),
    ]


def test_counts_of_an_ensemble_add_up_as_deep_as_they_go():
    here: Counts = {"rows": 2, "degraded": {}, "members": {"a": {"agreed": 1}}}
    there: Counts = {
        "rows": 3,
        "degraded": {"budget": 1},
        "members": {"a": {"agreed": 2}},
    }

    (summed,) = merge(
        [[ModelStatistics("p", "1", ensemble=told)] for told in (here, there)]
    )

    assert summed.ensemble == {
        "rows": 5,
        "degraded": {"budget": 1},
        "members": {"a": {"agreed": 3}},
    }


def test_one_version_is_picked():
    told = [ModelStatistics("a", "1"), ModelStatistics("a", "2")]

    assert [s.version for s in pick(told, "a", "2")] == ["2"]
    assert len(pick(told, "a")) == len(pick(told)) == 2
    with pytest.raises(ModelNotFound):
        pick(told, "b")
    with pytest.raises(VersionNotFound):
        pick(told, "a", "3")


def test_request_waits_for_its_whole_batch():
    stats = BatchStats()
    stats.stages.add(4, 3, (0, 1, 11, 13))
    stats.stages.add(4, 1, (20, 22, 42, 43))

    told = of_batcher("a", "1", stats)

    assert (told.inference_count, told.execution_count) == (8, 2)
    assert told.batch_stats == (
        BatchStatistic(4, Duration(2, 3), Duration(2, 30), Duration(2, 3)),
    )
    assert told.inference_stats["compute_input"] == Duration(4, 3 * 1 + 2)
    assert told.inference_stats["compute_infer"] == Duration(4, 3 * 10 + 20)
    assert told.inference_stats["compute_output"] == Duration(4, 3 * 2 + 1)


def test_copies_of_stages_do_not_change():
    stages = StageStats()
    stages.add(1, 1, (0, 1, 2, 3))
    before, waited = stages.by_rows(), stages.waited()

    stages.add(1, 1, (0, 1, 2, 3))

    assert (before[0][1].count, waited.count) == (1, 1)


async def test_model_counts_requests_rows_and_batches():
    backend = DoublingBackend()
    model = Model("m", backend, BatchingSpec(max_batch_size=8), Slots(1))
    backend.gate.clear()
    first = asyncio.ensure_future(ask(model, 0))
    await asyncio.to_thread(backend.entered.acquire, timeout=30)
    rest = [asyncio.ensure_future(ask(model, *v)) for v in ((1,), (2, 3), (4,))]
    await asyncio.sleep(0)
    backend.gate.set()
    await asyncio.gather(first, *rest)
    with pytest.raises(BackendFailed):
        await ask(model, -1)

    told = of_batcher("m", "1", model.stats)

    assert told.inference_stats["success"].count == 4
    assert told.inference_stats["fail"].count == 1
    assert told.inference_stats["compute_infer"].count == 4
    assert (told.inference_count, told.execution_count) == (5, 2)
    assert [(b.batch_size, b.compute_infer.count) for b in told.batch_stats] == [
        (1, 1),
        (4, 1),
    ]
    infer, success = (told.inference_stats[k] for k in ("compute_infer", "success"))
    assert 0 < infer.ns < success.ns
    assert told.last_inference_ms > 1_600_000_000_000
    await model.close()


async def test_refused_request_counts_as_failed():
    backend = DoublingBackend()
    limits = BatchingSpec(max_batch_size=1, max_queue_size=1)
    model = Model("m", backend, limits, Slots(1))
    backend.gate.clear()
    first = asyncio.ensure_future(ask(model, 0))
    await asyncio.to_thread(backend.entered.acquire, timeout=30)
    second = asyncio.ensure_future(ask(model, 1))
    await asyncio.sleep(0)

    with pytest.raises(Overloaded):
        await ask(model, 2)

    assert of_batcher("m", "1", model.stats).inference_stats["fail"].count == 1
    backend.gate.set()
    await asyncio.gather(first, second)
    await model.close()


async def test_request_counts_once_whoever_leaves_first():
    """One leaves while it waits, one while it runs, one is answered."""
    backend = DoublingBackend()
    model = Model("m", backend, BatchingSpec(max_batch_size=1), Slots(1))
    backend.gate.clear()
    running = asyncio.ensure_future(ask(model, 0))
    await asyncio.to_thread(backend.entered.acquire, timeout=30)
    waiting, staying = (asyncio.ensure_future(ask(model, n)) for n in (1, 2))
    await asyncio.sleep(0)
    for one in (running, waiting):
        one.cancel()
    await asyncio.wait([running, waiting])

    backend.gate.set()
    await staying

    told = of_batcher("m", "1", model.stats).inference_stats
    assert (told["success"].count, told["fail"].count) == (1, 2)
    assert told["fail"].ns > 0
    assert told["queue"].count == 1
    assert 0 < told["queue"].ns < told["success"].ns
    await model.close()


async def test_requests_to_a_model_that_ends_count_as_failed():
    backend = DoublingBackend()
    model = Model("m", backend, BatchingSpec(max_batch_size=1), Slots(1))
    backend.gate.clear()
    running = asyncio.ensure_future(ask(model, 0))
    await asyncio.to_thread(backend.entered.acquire, timeout=30)
    waiting = asyncio.ensure_future(ask(model, 1))
    await asyncio.sleep(0)
    closing = asyncio.ensure_future(model.close())
    with pytest.raises(NotReady):
        await waiting
    with pytest.raises(NotReady):
        await ask(model, 2)

    backend.gate.set()
    await asyncio.gather(running, closing)

    told = of_batcher("m", "1", model.stats).inference_stats
    assert (told["success"].count, told["fail"].count) == (1, 2)


async def test_failed_item_of_a_batch_counts_in_no_queue():
    backend = DoublingBackend()
    model = Model("m", backend, BatchingSpec(max_batch_size=8), Slots(1))
    backend.gate.clear()
    first = asyncio.ensure_future(ask(model, 0))
    await asyncio.to_thread(backend.entered.acquire, timeout=30)
    good, bad = (asyncio.ensure_future(ask(model, n)) for n in (1, -1))
    await asyncio.sleep(0)

    backend.gate.set()
    await asyncio.gather(first, good, bad, return_exceptions=True)

    told = of_batcher("m", "1", model.stats).inference_stats
    assert (told["success"].count, told["fail"].count) == (2, 1)
    assert told["queue"].count == 2
    await model.close()


def test_loads_and_hits_of_replicas_add_up():
    here: Counts = {"hits": 2, "loads": 1, "resident": {"openvino": 1}}
    there: Counts = {"hits": 3, "loads": 1, "resident": {"onnxruntime": 1}}

    (summed,) = merge(
        [[ModelStatistics("m", "1", residency=told)] for told in (here, there)]
    )

    assert summed.residency == {
        "hits": 5,
        "loads": 2,
        "resident": {"openvino": 1, "onnxruntime": 1},
    }


def test_ledger_keeps_what_has_left():
    ledger, stats = Ledger(), BatchStats()
    ledger.enter("a", "1", stats)
    stats.stages.add(2, 1, (0, 1, 2, 3))
    ledger.leave("a", "1")
    ledger.leave("a", "1")
    again = BatchStats()
    ledger.enter("a", "1", again)
    again.stages.add(2, 1, (0, 1, 2, 3))

    (told,) = ledger.statistics({("a", "1"): {"CPU": 5}})

    assert (told.inference_count, told.execution_count) == (4, 2)
    assert told.memory_bytes == {"CPU": 5}


def test_ledger_that_enters_anew_counts_nothing_twice():
    ledger, stats = Ledger(), BatchStats()
    stats.stages.add(2, 1, (0, 1, 2, 3))

    ledger.enter("a", "1", stats)
    ledger.enter("a", "1", stats)

    assert ledger.statistics()[0].inference_count == 2


async def test_pipeline_is_counted_at_the_front():
    class Half:
        """Answers requests with an even first value."""

        async def infer(self, request: Request) -> Reply:
            if request.inputs["x"][0, 0] % 2:
                raise ModelNotFound("odd")
            return Reply(request.inputs)

    tally = Tally()
    node = Tallied(Half(), tally)
    await node.infer(Request("p", {"x": floats(0, 1, 2)}))
    await node.infer(Request("p", {"x": floats(2)}))
    with pytest.raises(ModelNotFound):
        await node.infer(Request("p", {"x": floats(1)}))

    told = of_batcher("p", "1", tally.stats)

    assert (told.inference_count, told.execution_count) == (4, 2)
    assert told.inference_stats["success"].count == 2
    assert told.inference_stats["fail"].count == 1
    assert [b.batch_size for b in told.batch_stats] == [1, 3]


async def ask(model: Model, *values: float) -> Reply:
    return await model.infer(Request("m", {"x": floats(*values)}))

"""Residency on real ONNX Runtime sessions, without Ray."""

import asyncio
import threading

import numpy as np
import pytest
from onnx import helper

from configs.catalogue import load_catalogue
from configs.pool import PoolSpec
from deployments.blueprint import draw
from deployments.errors import BackendFailed, LoadFailed, NoAvailableVersion
from deployments.graph import Graph
from deployments.layout import INGRESS
from deployments.messages import Request
from deployments.residency.memory import resident_bytes
from deployments.residency.residency import Residency
from deployments.slots import Slots
from deployments.statistics import of_batcher
from models.card import Card, MeasuredFact
from models.store import Store
from tests.fakes import EchoNode
from tests.tiny_graphs import write_onnx
from tests.tiny_models import build_tiny_store, make_tiny_catalogue, tiny_logits

ROWS = np.array([[1, 2, 3, 4], [-1, 0, 1, 0.5]], np.float32)
MB = 1 << 20


class Replica:
    """One replica that hosts the tiny models and whatever a test adds."""

    def __init__(self, root, store, slots=None, **spec):
        self.store = store
        self.blueprint = draw(load_catalogue(root), store)
        self.spec = self.blueprint.models["tiny-a"]
        self.card = self.blueprint.cards["tiny-a"]
        pool = PoolSpec.model_validate({"min_resident_s": 0, **spec})
        self.residency = Residency(pool)
        self.slots = slots or Slots(1)
        self.graph = Graph(
            self.blueprint,
            INGRESS,
            self.slots,
            lambda deployment, node: EchoNode(),
            self.residency,
        )
        self.nodes = {}

    def add(self, key, file, **changes):
        """Host a copy of tiny-a's card with another model file."""
        fact = self.store.add_file(file)
        told = {"model_file": fact, "golden": None, **changes}
        card: Card = self.card.model_copy(update=told)
        self.nodes[key] = self.graph.host(key, self.spec, card)
        return card

    def failed(self, key):
        """Requests that the statistics of a model call failed."""
        told = of_batcher(key, "1", self.graph.models[key].stats)
        return told.inference_stats["fail"].count

    async def ask(self, key, rows=ROWS, name="features"):
        reply = await self.nodes[key].infer(Request(key, {name: rows}))
        return reply.outputs["logits"]


@pytest.fixture
def root(tmp_path):
    return make_tiny_catalogue(tmp_path)


@pytest.fixture
def store(root, tmp_path):
    return build_tiny_store(root, tmp_path / "store")


def wide(file, columns, seed):
    """Logits through a hidden layer of `columns`: 28 bytes of weights a column."""
    draw = np.random.default_rng(seed)
    first = draw.normal(size=(4, columns)).astype(np.float32)
    second = draw.normal(size=(columns, 3)).astype(np.float32)
    nodes = [
        helper.make_node("MatMul", ["features", "first"], ["hidden"]),
        helper.make_node("MatMul", ["hidden", "second"], ["logits"]),
    ]
    return write_onnx(file, nodes, [("first", first), ("second", second)])


async def test_models_come_on_demand_and_answer_as_ever(root, store):
    replica = Replica(root, store, memory_bytes=1 << 40)
    for name in ("tiny-a", "tiny-b"):
        replica.nodes[name] = replica.graph.node(f"model:{name}")
    replica.graph.load()
    assert [s.state for s in replica.residency.states()] == ["UNAVAILABLE"] * 2

    answers = {name: await replica.ask(name) for name in ("tiny-a", "tiny-b")}

    for name, logits in answers.items():
        assert np.allclose(logits, tiny_logits(name, ROWS), atol=1e-6)
    assert [s.state for s in replica.residency.states()] == ["READY"] * 2
    await replica.graph.close()


async def test_wait_for_a_load_is_part_of_the_time_of_its_request(root, store):
    replica = Replica(root, store, memory_bytes=1 << 40)
    replica.nodes["tiny-a"] = replica.graph.node("model:tiny-a")

    await replica.ask("tiny-a")

    (model,) = replica.graph.models.values()
    load_s = replica.residency.accounts()[0].tally.load_s
    told = of_batcher("tiny-a", "1", model.stats).inference_stats
    assert told["success"].ns > told["queue"].ns >= 1e9 * load_s > 0
    await replica.graph.close()


async def measured(root, store, file):
    """What a model takes, as residency counts it."""
    replica = Replica(root, store, memory_bytes=1 << 40)
    replica.add("m", file)
    await replica.ask("m")
    [standing] = replica.residency.states()
    await replica.residency.unload("m")
    await replica.graph.close()
    return standing.resident_bytes


async def test_models_take_turns_where_one_fits(root, store, tmp_path):
    files = [wide(tmp_path / f"{n}.onnx", 1_000_000, n) for n in range(3)]
    # A load that makes the file's copy may seem to take more; the next ones do not.
    limit = int(1.4 * min([await measured(root, store, file) for file in files]))
    replica = Replica(root, store, memory_bytes=limit)
    for number, file in enumerate(files):
        replica.add(f"m{number}", file)
    first = {key: await replica.ask(key) for key in replica.nodes}

    again = {key: await replica.ask(key) for key in replica.nodes}

    for key, logits in first.items():
        assert np.array_equal(again[key], logits)
    accounts = replica.residency.accounts()
    assert sum(a.resident_bytes for a in accounts) <= limit
    assert [a.tally.loads for a in accounts] == [2, 2, 2]
    assert sum(a.tally.evictions for a in accounts) == 5
    await replica.graph.close()


async def test_memory_comes_back_when_a_model_leaves(root, store, tmp_path):
    replica = Replica(root, store, memory_bytes=1 << 40)
    replica.add("large", wide(tmp_path / "large.onnx", 1_000_000, 0))
    await replica.ask("large")
    held = resident_bytes()

    await replica.residency.unload("large")

    assert held - resident_bytes() > 20 * MB
    await replica.graph.close()


async def test_reload_takes_about_what_the_first_load_took(root, store, tmp_path):
    replica = Replica(root, store, memory_bytes=1 << 40)
    replica.add("large", wide(tmp_path / "large.onnx", 1_000_000, 0))
    await replica.ask("large")
    [first] = replica.residency.states()
    await replica.residency.unload("large")

    await replica.residency.load("large")

    [again] = replica.residency.states()
    assert first.resident_bytes > 28 * MB
    assert again.resident_bytes == pytest.approx(first.resident_bytes, rel=0.25)
    await replica.graph.close()


async def test_load_beyond_what_its_card_has_measured_is_told(root, store, tmp_path):
    replica = Replica(root, store, memory_bytes=1 << 40)
    for seed, peak_bytes in enumerate((1 * MB, 1 << 30)):
        file = wide(tmp_path / f"{seed}.onnx", 1_000_000, seed)
        fact = MeasuredFact(peak_memory_bytes=peak_bytes)
        replica.add(f"m{seed}", file, measured=fact)
        await replica.ask(f"m{seed}")

    beyond, below = replica.residency.states()

    assert beyond.reason.endswith(f"bytes of memory, expected were {1 * MB}")
    assert below.reason == ""
    await replica.graph.close()


async def test_corrupt_file_is_refused_with_its_reason_and_the_rest_serves(
    root, store, tmp_path
):
    replica = Replica(root, store, memory_bytes=1 << 40)
    torn = tmp_path / "torn.onnx"
    torn.write_bytes(b"not a model")
    replica.add("torn", torn)
    gone = replica.add("gone", wide(tmp_path / "gone.onnx", 10, 0))
    replica.store.path(gone.model_file.sha256).unlink()
    replica.add("good", wide(tmp_path / "good.onnx", 10, 1))

    with pytest.raises(LoadFailed, match="its runtime refuses it"):
        await replica.ask("torn")
    with pytest.raises(LoadFailed, match="is missing from the store"):
        await replica.ask("gone")

    assert (await replica.ask("good")).shape == (2, 3)
    assert [s.answers for s in replica.residency.states()] == [False, False, True]
    assert [replica.failed(key) for key in replica.nodes] == [1, 1, 0]
    torn_account = replica.residency.accounts()[0]
    assert torn_account.told()["failed_loads"] == 1
    await replica.graph.close()


async def test_request_to_an_unloaded_model_is_nobodys_failure(root, store, tmp_path):
    replica = Replica(root, store, memory_bytes=1 << 40)
    replica.add("m", wide(tmp_path / "m.onnx", 10, 0))
    await replica.ask("m")
    await replica.residency.unload("m")

    with pytest.raises(NoAvailableVersion):
        await replica.ask("m")

    assert replica.failed("m") == 0
    await replica.graph.close()


async def test_model_larger_than_the_pool_is_refused(root, store, tmp_path):
    replica = Replica(root, store, memory_bytes=1 * MB)
    replica.add("large", wide(tmp_path / "large.onnx", 100_000, 0))

    with pytest.raises(LoadFailed, match=r"it needs .* 1048576 can be free"):
        await replica.ask("large")

    await replica.graph.close()


async def test_nan_is_answered_as_it_is(root, store, tmp_path):
    """What numbers mean is the model's matter; only who asks can judge them."""
    root_of = [helper.make_node("Sqrt", ["features"], ["rooted"])]
    cut = helper.make_node("MatMul", ["rooted", "eye"], ["logits"])
    eye = np.eye(4, 3, dtype=np.float32)
    replica = Replica(root, store)
    replica.add(
        "nan", write_onnx(tmp_path / "nan.onnx", [*root_of, cut], [("eye", eye)])
    )

    logits = await replica.ask("nan")

    assert np.isnan(logits[1]).any()
    assert replica.graph.healthy
    await replica.graph.close()


def rising(file):
    """The first three features of the rows whose first is not negative; others go."""
    nodes = [
        helper.make_node("Gather", ["features", "first"], ["logits_of_all"], axis=1),
        helper.make_node("Gather", ["features", "zero"], ["head"], axis=1),
        helper.make_node("Less", ["head", "nothing"], ["below"]),
        helper.make_node("Not", ["below"], ["kept"]),
        helper.make_node("Compress", ["logits_of_all", "kept"], ["logits"], axis=0),
    ]
    constants = [
        ("first", np.arange(3)),
        ("zero", np.array(0)),
        ("nothing", np.float32(0)),
    ]
    return write_onnx(file, nodes, constants, [("logits", ["some", 3])])


async def test_model_that_answers_other_rows_fails_the_request(root, store, tmp_path):
    replica = Replica(root, store)
    replica.add("rising", rising(tmp_path / "rising.onnx"))

    with pytest.raises(BackendFailed):
        await replica.ask("rising")

    assert (await replica.ask("rising", ROWS[:1])).shape == (1, 3)
    await replica.graph.close()


@pytest.mark.parametrize(
    ("columns", "datatype", "words"),
    [
        (4, "FP32", r"output 'logits' must be FP32 \[1,3\], got FP32 \[1,4\]"),
        (3, "FP64", r"output 'logits' must be FP64 \[1,3\], got FP32 \[1,3\]"),
    ],
)
async def test_model_that_answers_otherwise_than_its_card_says_is_not_loaded(
    root, store, tmp_path, columns, datatype, words
):
    node = helper.make_node("MatMul", ["features", "eye"], ["logits"])
    eye = np.eye(4, columns, dtype=np.float32)
    shape = [("logits", ["batch", columns])]
    file = write_onnx(tmp_path / "m.onnx", [node], [("eye", eye)], shape)
    replica = Replica(root, store, memory_bytes=1 << 40)
    promised = replica.card.outputs[0].model_copy(update={"datatype": datatype})
    replica.add("m", file, outputs=(promised,))

    with pytest.raises(LoadFailed, match=words):
        await replica.ask("m")

    [standing] = replica.residency.states()
    assert (standing.state, standing.answers) == ("UNAVAILABLE", False)
    assert standing.reason.startswith("output 'logits' must be")
    await replica.graph.close()


async def test_unload_in_flight_answers_what_it_has_and_refuses_the_rest(
    root, store, tmp_path
):
    slots = Slots(1)
    replica = Replica(root, store, slots, memory_bytes=1 << 40)
    replica.add("m", wide(tmp_path / "m.onnx", 10, 0))
    await replica.ask("m")
    gate = threading.Event()
    await slots.acquire()
    blocker = asyncio.ensure_future(slots.run(lambda: gate.wait(timeout=30)))
    asked = [asyncio.ensure_future(replica.ask("m")) for _ in range(5)]
    await asyncio.sleep(0)

    leaving = asyncio.ensure_future(replica.residency.unload("m"))
    await asyncio.sleep(0)
    with pytest.raises(NoAvailableVersion):
        await replica.ask("m")
    gate.set()

    assert [answer.shape for answer in await asyncio.gather(*asked)] == [(2, 3)] * 5
    await asyncio.gather(leaving, blocker)
    assert replica.residency.states()[0].resident_bytes == 0
    await replica.graph.close()


async def test_dismissed_model_leaves_nothing_and_its_key_is_free(
    root, store, tmp_path
):
    replica = Replica(root, store, memory_bytes=1 << 40)
    file = wide(tmp_path / "m.onnx", 10, 0)
    replica.add("m", file)
    await replica.ask("m")

    await replica.graph.dismiss("m")
    await replica.graph.dismiss("m")

    assert replica.residency.states() == []
    replica.add("m", file)
    assert (await replica.ask("m")).shape == (2, 3)
    await replica.graph.close()


async def test_adopted_node_answers_under_its_name(root, store):
    replica = Replica(root, store)
    node = EchoNode()

    replica.graph.adopt("model:tiny-a", node)

    assert replica.graph.node("model:tiny-a") is node


async def test_storm_on_real_models_fails_no_request(root, store, tmp_path):
    """Six models, room for two, fifty clients, and an operator who takes one away."""
    files = [wide(tmp_path / f"{n}.onnx", 1_000_000, n) for n in range(6)]
    limit = int(2.5 * await measured(root, store, files[0]))
    replica = Replica(root, store, Slots(2), memory_bytes=limit)
    for number, file in enumerate(files):
        replica.add(f"m{number}", file)
    wanted = {key: await replica.ask(key) for key in replica.nodes}
    failed = []

    async def client(number):
        for step in range(6):
            key = f"m{(number + step * step) % 5}"
            try:
                assert np.array_equal(await replica.ask(key), wanted[key])
            except LoadFailed as error:
                failed.append(error)

    async def operator():
        for _ in range(10):
            await replica.residency.unload("m5")
            await replica.residency.load("m5")

    clients = [client(number) for number in range(50)]
    await asyncio.wait_for(asyncio.gather(*clients, operator()), 120)

    assert failed == []
    await replica.graph.close()


def test_folder_that_refuses_prepared_copies_does_not_stop_a_load(root, tmp_path):
    store = build_tiny_store(root, tmp_path / "store")
    (store.root / "prepared").write_text("in the way")
    replica = Replica(root, Store(store.root))

    replica.graph.load()

    assert [s.state for s in replica.residency.states()] == ["READY"] * 2

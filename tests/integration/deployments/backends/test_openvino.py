"""ONNX files run by OpenVINO, against ONNX Runtime on the same file."""

import asyncio
import fcntl
import os
import subprocess
import sys
import threading
import weakref
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from onnx import helper

from configs.catalogue import load_catalogue
from configs.model import BatchingSpec, TensorSpec
from configs.pool import PoolSpec
from deployments.backends import compiled
from deployments.backends.copies import MAKING
from deployments.backends.onnx import OnnxBackend
from deployments.backends.opening import open_backend
from deployments.backends.openvino import OpenvinoBackend, compile_file
from deployments.backends.preference import Site
from deployments.blueprint import draw
from deployments.errors import BackendFailed
from deployments.graph import Graph
from deployments.layout import INGRESS
from deployments.messages import Reply, Request
from deployments.model import Model
from deployments.residency.residency import Residency
from deployments.residency.warming import open_warm
from deployments.slots import Slots
from models import machine
from models.card import PreferenceFact, RuntimeTimeFact
from models.errors import NotServable
from models.store import Store
from tests.fakes import EchoNode
from tests.full_disk import no_file_beyond
from tests.tiny_cards import a_plain_card
from tests.tiny_graphs import write_onnx
from tests.tiny_models import build_tiny_store, make_tiny_catalogue, tiny_logits
from tests.tiny_vision import SIDE, write_tiny_convolution

OPENVINO = Site(wanted="openvino")
INPUTS = (TensorSpec(name="input", datatype="FP32", shape=(3, SIDE, SIDE)),)
OUTPUTS = (TensorSpec(name="logits", datatype="FP32", shape=(4,)),)


def opened(file, slots=1):
    return OpenvinoBackend(compile_file(file, slots))


def rows(count, seed=0):
    draw = np.random.default_rng(seed)
    return {"input": draw.normal(size=(count, 3, SIDE, SIDE)).astype(np.float32)}


@pytest.fixture
def file(tmp_path):
    return write_tiny_convolution(tmp_path / "model.onnx", seed=3)


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "store")


def card(store, file, **facts):
    return a_plain_card(model_file=store.add_file(file), **facts)


def test_answers_are_those_of_onnx_runtime_at_any_batch(file):
    here, there = OnnxBackend(file), opened(file)

    for count in (1, 5, 2, 8, 1):
        wanted, found = here.run(rows(count)), there.run(rows(count))
        assert found.keys() == wanted.keys()
        for name, tensor in wanted.items():
            assert found[name].shape == tensor.shape
            np.testing.assert_allclose(found[name], tensor, atol=1e-4)


def test_answer_stays_as_it_is_when_the_next_run_comes(file):
    backend = opened(file)

    (first,) = backend.run(rows(2)).values()
    before = first.copy()
    backend.run(rows(2, seed=1))

    np.testing.assert_array_equal(first, before)


def test_batch_that_may_only_be_read_is_taken(file):
    backend, batch = opened(file), rows(2)
    wanted = backend.run(batch)
    batch["input"].flags.writeable = False

    found = backend.run(batch)

    for name, tensor in wanted.items():
        np.testing.assert_array_equal(found[name], tensor)


def test_input_is_let_go_when_its_run_is_over(file):
    backend, batch = opened(file), rows(2)
    held = weakref.ref(batch["input"])
    (wanted,) = backend.run(batch).values()

    del batch

    assert held() is None
    np.testing.assert_array_equal(backend.run(rows(2))["logits"], wanted)


def test_slots_ask_at_once_without_mixing_rows(file):
    backend, here = opened(file, 2), OnnxBackend(file)
    batches = [rows(1 + seed % 4, seed) for seed in range(40)]

    with ThreadPoolExecutor(4) as slots:
        found = list(slots.map(backend.run, batches))

    for batch, answer in zip(batches, found, strict=True):
        for name, tensor in here.run(batch).items():
            np.testing.assert_allclose(answer[name], tensor, atol=1e-4)


async def test_native_error_is_that_of_its_request_and_its_neighbours_are_answered(
    file,
):
    slots = Slots(1)
    model = Model("m", opened(file), BatchingSpec(max_batch_size=8), slots)
    wide = {"input": np.zeros((1, 3, SIDE, SIDE + 1), np.float32)}

    good, bad = await asyncio.gather(
        model.infer(Request("m", rows(2))),
        model.infer(Request("m", wide)),
        return_exceptions=True,
    )

    assert isinstance(bad, BackendFailed)
    assert isinstance(good, Reply)
    (wanted,) = OnnxBackend(file).run(rows(2)).values()
    np.testing.assert_allclose(good.outputs["logits"], wanted, atol=1e-4)
    await model.close()
    slots.close()


async def test_answer_with_other_rows_fails_its_request(tmp_path):
    node = helper.make_node("ReduceMean", ["features"], ["logits"], keepdims=1)
    file = write_onnx(tmp_path / "mean.onnx", [node], outputs=[("logits", [1, 1])])
    slots = Slots(1)
    model = Model("m", opened(file), BatchingSpec(max_batch_size=8), slots)

    with pytest.raises(BackendFailed):
        await model.infer(Request("m", {"features": np.ones((3, 4), np.float32)}))

    await model.close()
    slots.close()


def test_card_that_prefers_it_is_opened_by_it(store, file):
    times = (RuntimeTimeFact(batch_size=1, onnx_ms=2, ms=1, cpu_share=0.5, turns=9),)
    prefers = PreferenceFact(
        runtime="openvino",
        created="2026-01-02",
        quality=(),
        times=times,
        machine=machine.describe(),
    )
    stored = card(store, file)

    assert isinstance(open_backend(stored, store), OnnxBackend)
    preferring = stored.model_copy(update={"prefers": prefers})
    assert isinstance(open_backend(preferring, store), OpenvinoBackend)
    assert isinstance(open_backend(preferring, store, Site(wanted="onnx")), OnnxBackend)


def test_model_is_warm_at_every_batch_size_that_it_is_closed_at(store, file):
    stored = card(store, file, inputs=INPUTS, outputs=OUTPUTS)
    limits = BatchingSpec(max_batch_size=8, preferred_batch_size=(2, 4))

    backend = open_warm(stored, store, limits, full=True, site=OPENVINO)

    assert isinstance(backend, OpenvinoBackend)


def test_nothing_is_reported_when_it_is_imported(tmp_path):
    """Its package for that begins by writing an identity into the home."""
    code = "import deployments.backends.openvino"
    variables = {**os.environ, "HOME": str(tmp_path), "CI": "", "TF_BUILD": ""}

    subprocess.run([sys.executable, "-c", code], check=True, env=variables)

    assert [*tmp_path.iterdir()] == []


async def test_replica_tells_what_runs_its_models_and_counts_it_apart(tmp_path):
    root = make_tiny_catalogue(tmp_path)
    blueprint = draw(load_catalogue(root), build_tiny_store(root, tmp_path / "store"))
    residency = Residency(PoolSpec(memory_bytes=1 << 40, min_resident_s=0))
    graph = Graph(blueprint, INGRESS, Slots(1), lambda *to: EchoNode(), residency)
    spec, own = blueprint.models["tiny-a"], blueprint.cards["tiny-a"]
    nodes = {
        backend: graph.host(backend, spec.model_copy(update={"backend": backend}), own)
        for backend in ("onnx", "openvino")
    }
    features = np.array([[1, 2, 3, 4], [-1, 0, 1, 0.5]], np.float32)

    for node in nodes.values():
        reply = await node.infer(Request("tiny-a", {"features": features}))
        wanted = tiny_logits("tiny-a", features)
        np.testing.assert_allclose(reply.outputs["logits"], wanted, atol=1e-5)

    here, there = residency.states()
    assert (here.runtime, there.runtime) == ("onnxruntime", "openvino")
    assert there.resident_bytes > own.model_file.size_bytes
    told = residency.accounts()[1].told()
    assert (told["loads"], told["resident"]) == (1, {"openvino": 1})
    await graph.close()


def copies(store):
    return sorted(store.root.glob("prepared/*-openvino-*/*"))


def test_copy_is_made_once_and_answers_bit_for_bit_as_the_file(store, file, caplog):
    stored, batches = card(store, file), [rows(3), rows(1, 1)]
    first = open_backend(stored, store, OPENVINO)
    blob, made = reversed(copies(store))
    written = blob.stat().st_mtime_ns

    again = open_backend(stored, store, Site(wanted="openvino", slots=2))

    assert (blob.stat().st_mtime_ns, made.name) == (written, "made.json")
    assert caplog.messages == []
    for batch in batches:
        for name, tensor in first.run(batch).items():
            np.testing.assert_array_equal(again.run(batch)[name], tensor)


def test_replicas_that_start_together_compile_once(store, file, monkeypatch):
    stored, ready, asked = card(store, file), threading.Barrier(4), []

    def compile_alone(source, slots):
        """Whoever compiles has the lock: nobody else gets it."""
        with source.open("rb") as other, pytest.raises(BlockingIOError):
            fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)
        asked.append(source)
        return compile_file(source, slots)

    def start(_):
        ready.wait()
        return open_backend(stored, Store(store.root), OPENVINO)

    monkeypatch.setattr(compiled, "compile_file", compile_alone)
    with ThreadPoolExecutor(4) as replicas:
        backends = list(replicas.map(start, range(4)))

    assert len(asked) == 1
    first, *others = [backend.run(rows(2))["logits"] for backend in backends]
    for other in others:
        np.testing.assert_array_equal(other, first)


def test_what_a_replica_left_that_was_killed_goes_with_the_next_copy(store, file):
    stored = card(store, file)
    digest = stored.model_file.sha256
    left = store.root / "prepared" / f"{MAKING}{digest}-killed"
    others = store.root / "prepared" / f"{MAKING}{digest[::-1]}-at-work"
    for folder in (left, others):
        folder.mkdir(parents=True)
        (folder / "model.blob").write_bytes(b"half")

    open_backend(stored, store, OPENVINO)

    assert (left.exists(), others.exists()) == (False, True)


def test_disk_that_knows_no_locks_does_not_stop_a_load(
    store, file, monkeypatch, caplog
):
    def refuse(*_):
        raise OSError("no locks available")

    stored = card(store, file)
    monkeypatch.setattr(fcntl, "flock", refuse)

    backend = open_backend(stored, store, OPENVINO)

    assert backend.run(rows(1))["logits"].shape == (1, 4)
    assert "is compiled for one replica: no locks available" in caplog.text


def test_torn_copy_is_made_anew(store, file):
    stored = card(store, file)
    wanted = open_backend(stored, store, OPENVINO).run(rows(2))
    blob, _ = reversed(copies(store))
    size_bytes = blob.stat().st_size
    blob.write_bytes(blob.read_bytes()[: size_bytes // 2])

    found = open_backend(stored, store, OPENVINO).run(rows(2))

    assert blob.stat().st_size == size_bytes
    for name, tensor in wanted.items():
        np.testing.assert_array_equal(found[name], tensor)


def test_store_that_takes_no_copy_does_not_stop_a_load(store, file, caplog):
    stored = card(store, file)
    (store.root / "prepared").write_text("in the way")

    backend = open_backend(stored, store, OPENVINO)

    assert backend.run(rows(1))["logits"].shape == (1, 4)
    assert "no copy of" in caplog.text


def test_disk_that_fills_up_while_a_copy_is_written_costs_only_the_copy(
    store, file, caplog
):
    stored = card(store, file)

    with no_file_beyond(1000):
        backend = open_backend(stored, store, OPENVINO)

    assert backend.run(rows(1))["logits"].shape == (1, 4)
    assert "no copy of" in caplog.text
    assert [*store.root.glob("prepared/*")] == []


def test_damaged_file_is_refused(tmp_path):
    torn = tmp_path / "torn.onnx"
    torn.write_bytes(b"not a model")

    with pytest.raises(RuntimeError):
        opened(torn)


def test_replica_without_it_says_what_to_install(store, file, monkeypatch):
    monkeypatch.setitem(sys.modules, "openvino", None)
    for module in ("compiled", "openvino"):
        monkeypatch.delitem(sys.modules, f"deployments.backends.{module}")

    with pytest.raises(NotServable, match=r"pip install headwater\[openvino\]"):
        open_backend(card(store, file), store, OPENVINO)

"""Each form of a card is opened by its runtime."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from configs.catalogue import load_catalogue
from configs.replica import ReplicaSpec
from deployments.backends import cuda
from deployments.backends.cuda import CudaBackend
from deployments.backends.onnx import OnnxBackend
from deployments.backends.opening import OPENERS, open_backend
from deployments.backends.preference import CUDA, OF_FORM, ONNX, Site
from deployments.blueprint import draw
from deployments.errors import LoadFailed
from deployments.graph import Graph
from deployments.layout import INGRESS
from deployments.slots import Slots
from models.choice import SERVABLE
from models.errors import BuildFailed, NotServable, StoreCorrupt
from models.recipes.pieces import ARCHITECTURE, WEIGHTS
from models.store import Store
from models.training.weights import fresh, save
from tests.fakes import EchoNode
from tests.stored import a_card
from tests.tiny_lite import SIDE as LITE_SIDE
from tests.tiny_lite import put, tiny_float
from tests.tiny_models import build_tiny_store, make_tiny_catalogue, write_tiny_onnx
from tests.tiny_training import SIDE, STUDENT, model_spec


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "store")


@pytest.fixture
def spec(tmp_path):
    return load_catalogue(make_tiny_catalogue(tmp_path)).models["tiny-a"]


@pytest.fixture
def onnx_file(tmp_path):
    return write_tiny_onnx(tmp_path / "m.onnx", 7)


ROWS = np.random.default_rng(0).normal(size=(5, 4)).astype(np.float32)


@pytest.fixture
def torch_card(store, spec, tmp_path):
    """A card of a small network, and that network."""
    folder = tmp_path / "piece"
    folder.mkdir()
    network = fresh("r", "separable", STUDENT, seed=3)
    save(network, folder)
    tiny = model_spec()
    card = a_card(
        spec,
        "fp32-torch",
        store.add_file(folder / WEIGHTS),
        form="torch",
        files={ARCHITECTURE: store.add_file(folder / ARCHITECTURE)},
        inputs=tiny.inputs,
        outputs=tiny.outputs,
    )
    return card, network.module.eval()


def test_every_form_that_is_chosen_can_be_opened():
    assert set(OF_FORM) == set(SERVABLE)
    assert set(OF_FORM.values()) <= set(OPENERS)


def test_onnx_is_opened(store, spec, onnx_file):
    card = a_card(spec, "fp32-onnx", store.add_file(onnx_file))

    assert isinstance(open_backend(card, store), OnnxBackend)


def test_litert_is_opened_with_the_tensors_of_its_card(store, spec, tmp_path):
    fact = store.add_file(put(tmp_path, tiny_float()))
    picture = spec.inputs[0].model_copy(update={"shape": (3, LITE_SIDE, LITE_SIDE)})
    card = a_card(spec, "int8-litert", fact, form="litert", inputs=(picture,))

    backend = open_backend(card, store)

    answers = backend.run(
        {"features": np.zeros((2, 3, LITE_SIDE, LITE_SIDE), np.float32)}
    )
    assert answers["logits"].shape == (2, 4)


def test_torch_answers_as_the_network_does(store, torch_card):
    card, network = torch_card
    images = np.random.default_rng(1).normal(size=(3, 3, SIDE, SIDE))
    images = images.astype(np.float32)
    images.flags.writeable = False

    answers = open_backend(card, store).run({"input": images})

    with torch.inference_mode():
        wanted = network(torch.from_numpy(images.copy())).numpy()
    np.testing.assert_array_equal(answers["logits"], wanted)


def test_torch_without_its_architecture_is_refused(store, torch_card):
    card, _ = torch_card

    with pytest.raises(StoreCorrupt, match="architecture"):
        open_backend(card.model_copy(update={"files": {}}), store)


def test_torch_with_weights_of_another_network_is_refused(store, torch_card, tmp_path):
    card, _ = torch_card
    other = tmp_path / ARCHITECTURE
    other.write_text('{"name": "separable", "options": {"stem": 4}}')
    files = {ARCHITECTURE: store.add_file(other)}

    with pytest.raises(BuildFailed, match="no torch piece of ours"):
        open_backend(card.model_copy(update={"files": files}), store)


def test_form_that_no_runtime_takes_is_refused(store, spec, onnx_file):
    card = a_card(spec, "int4-llm", store.add_file(onnx_file), form="llm")

    with pytest.raises(NotServable, match="tiny-a int4-llm is llm"):
        open_backend(card, store)


def test_file_that_has_changed_is_not_opened(store, spec, onnx_file):
    fact = store.add_file(onnx_file)
    path = store.path(fact.sha256)
    path.chmod(0o644)
    path.write_bytes(b"something else")

    with pytest.raises(StoreCorrupt):
        open_backend(a_card(spec, "fp32-onnx", fact), store)


@pytest.mark.skipif(cuda.is_there(), reason="this runtime has CUDA")
def test_gpu_that_the_runtime_has_not_is_refused(store, spec, onnx_file):
    card = a_card(spec, "fp32-onnx", store.add_file(onnx_file))

    with pytest.raises(NotServable, match="ONNX for a GPU"):
        open_backend(card, store, Site("cuda"))


@pytest.mark.skipif(cuda.is_there(), reason="this runtime has CUDA")
def test_replica_that_asks_for_a_gpu_it_has_not_says_so(tmp_path):
    catalogue = make_tiny_catalogue(tmp_path)
    drawn = draw(load_catalogue(catalogue), build_tiny_store(catalogue, tmp_path / "s"))
    asked = replace(drawn, replica=ReplicaSpec(device="cuda"))
    graph = Graph(asked, INGRESS, Slots(1), lambda home, node: EchoNode())

    with pytest.raises((NotServable, LoadFailed), match="ONNX for a GPU"):
        graph.load()


def test_batcher_begins_with_runs_of_the_gpu_and_not_with_the_times_of_a_card(
    tmp_path, monkeypatch
):
    catalogue = make_tiny_catalogue(tmp_path)
    drawn = draw(load_catalogue(catalogue), build_tiny_store(catalogue, tmp_path / "s"))
    monkeypatch.setitem(OPENERS, CUDA, OPENERS[ONNX])
    graph = Graph(
        replace(drawn, replica=ReplicaSpec(device="cuda")),
        INGRESS,
        Slots(1),
        lambda home, node: EchoNode(),
    )
    graph.node("model:tiny-a")
    model = graph.models["tiny-a:1"]
    before_s = model.expect_s(8)

    graph.residency.load_at_start()

    assert before_s == 0
    assert model.expect_s(8) > 0


def test_bound_run_answers_as_a_plain_one(onnx_file):
    """On the provider that is everywhere; the binding is the same."""
    bound = CudaBackend(onnx_file, "CPUExecutionProvider")

    found = bound.run({"features": ROWS})

    assert found.keys() == {"logits"}
    np.testing.assert_allclose(found["logits"], answer_of(onnx_file), rtol=1e-6)


@pytest.mark.gpu
@pytest.mark.skipif(not cuda.is_there(), reason="needs onnxruntime-gpu")
def test_gpu_answers_as_the_cpu_does(onnx_file):
    found = CudaBackend(onnx_file).run({"features": ROWS})

    np.testing.assert_allclose(found["logits"], answer_of(onnx_file), atol=1e-3)


def answer_of(file):
    return OnnxBackend(file).run({"features": ROWS})["logits"]

"""A whole pipeline on real ONNX Runtime sessions, in every layout, without Ray."""

import asyncio
import threading
import time
from dataclasses import replace

import numpy as np
import pytest
import yaml

from configs.catalogue import load_catalogue
from configs.errors import ConfigError
from deployments.blueprint import draw
from deployments.contracts import model_contract, pipeline_contract
from deployments.errors import (
    BackendFailed,
    InvalidInput,
    ModelNotFound,
    VersionNotFound,
)
from deployments.graph import Graph
from deployments.layout import INGRESS
from deployments.messages import Request, Urgency
from deployments.served import Offer, Served
from deployments.slots import Slots
from models.card import EnsembleCard
from models.ensembles import soft_vote
from models.errors import StoreCorrupt, VariantNotFound
from models.store import Store
from tests.fakes import EchoNode
from tests.plans import open_graphs
from tests.stored import took
from tests.tiny_models import (
    LABELS,
    build_tiny_store,
    make_tiny_catalogue,
    tiny_logits,
)

ROWS = np.array([[1, 2, 3, 4], [-1, 0, 1, 0.5]], np.float32)

SLOW = (*took(100_000.0), *took(200_000.0, batch_size=2))
"""A hundred seconds a row."""


@pytest.fixture
def root(tmp_path):
    return make_tiny_catalogue(tmp_path)


@pytest.fixture
def store(root, tmp_path):
    return build_tiny_store(root, tmp_path / "store")


def answer(root, store, layout=None):
    blueprint = draw(load_catalogue(root), store, layout=layout)
    pipeline = open_graphs(blueprint)[INGRESS].pipeline("tiny")
    return asyncio.run(pipeline.infer(Request("tiny", {"features": ROWS}))).outputs


def test_pipeline_answers_the_vote_of_its_members(root, store):
    outputs = answer(root, store)

    logits = [tiny_logits(model, ROWS) for model in ("tiny-a", "tiny-b")]
    vote = soft_vote(logits, [1, 1])
    best = vote.argmax(axis=1)
    assert outputs["class_index"][:, 0].tolist() == best.tolist()
    assert np.allclose(outputs["probability"][:, 0], vote.max(axis=1), atol=1e-6)
    assert outputs["label"][:, 0].tolist() == [LABELS[i].encode() for i in best]


def test_layouts_give_equal_answers(root, store):
    fused, separate = answer(root, store), answer(root, store, "separate")

    for name, tensor in fused.items():
        assert np.array_equal(tensor, separate[name])


def test_separate_layout_loads_each_model_on_one_deployment(root, store):
    graphs = open_graphs(draw(load_catalogue(root), store, layout="separate"))

    assert {name: list(g.models) for name, g in graphs.items() if g.models} == {
        "model:tiny-a": ["tiny-a:1"],
        "model:tiny-b": ["tiny-b:1"],
    }


def test_contracts_describe_the_model_and_the_pipeline(root, store):
    blueprint = draw(load_catalogue(root), store)

    model = model_contract(blueprint, "tiny-a")
    pipeline = pipeline_contract(blueprint, "tiny")

    assert [(t.name, t.datatype, t.shape) for t in model.inputs] == [
        ("features", "FP32", (-1, 4))
    ]
    assert model.labels == LABELS
    assert [t.name for t in pipeline.outputs] == ["label", "class_index", "probability"]
    assert pipeline.members == ("tiny-a", "tiny-b")


def test_variant_that_was_never_built_is_named(root, tmp_path):
    with pytest.raises(VariantNotFound, match="tiny-a version 1 fp32-onnx is not in"):
        draw(load_catalogue(root), Store(tmp_path / "empty"))


def rewrite(root, kind, name, **changes):
    file = root / kind / f"{name}.yaml"
    file.write_text(yaml.safe_dump(yaml.safe_load(file.read_text()) | changes))


def test_variant_of_other_weights_is_not_served(root, store):
    weights = {"uri": "file:///elsewhere.onnx", "sha256": "0" * 64}
    rewrite(root, "models", "tiny-a", weights=weights)

    with pytest.raises(VariantNotFound, match="tiny-a fp32-onnx as its file is now"):
        draw(load_catalogue(root), store)


def test_weights_fitted_for_other_members_are_not_served(root, store):
    models = ("tiny-a", "tiny-b")
    files = [store.card(name, 1, "fp32-onnx").model_file.sha256 for name in models]
    store.save_ensemble(
        EnsembleCard(
            pipeline="tiny",
            build_key="0" * 64,
            created="2026-01-01T00:00:00+00:00",
            members=models[::-1],
            member_files=tuple(files[::-1]),
            weights=(0.9, 0.1),
            fitted_on="photos",
            n=20,
            log_loss_uniform=1.0,
            log_loss=0.9,
        )
    )
    spec = load_catalogue(root).pipelines["tiny"]
    fitted = spec.ensemble.model_copy(update={"weights": "fitted"})
    catalogue = replace(
        load_catalogue(root),
        pipelines={"tiny": spec.model_copy(update={"ensemble": fitted})},
    )

    with pytest.raises(VariantNotFound, match="tiny with its members of now"):
        draw(catalogue, store)


def test_pipeline_may_not_take_more_rows_than_its_members(root, store):
    rewrite(root, "pipelines", "tiny", max_rows=9)

    with pytest.raises(ConfigError, match="max_rows: tiny-a takes 8 rows, got more"):
        draw(load_catalogue(root), store)


def test_stored_file_that_was_changed_is_not_loaded(root, store):
    blueprint = draw(load_catalogue(root), store)
    file = store.file(blueprint.cards["tiny-a"].model_file)
    file.chmod(0o644)
    file.write_bytes(bytes(file.stat().st_size))

    with pytest.raises(StoreCorrupt, match="has changed in the store"):
        open_graphs(blueprint)


async def test_replica_with_a_run_that_does_not_end_is_not_healthy(root, store):
    gate, slots = threading.Event(), Slots(1, run_timeout_s=0.01)
    blueprint = draw(load_catalogue(root), store)
    graph = Graph(blueprint, INGRESS, slots, lambda deployment, node: EchoNode())
    graph.load()
    graph.check_health()

    await slots.acquire()
    with pytest.raises(TimeoutError):
        await slots.run(lambda: gate.wait(timeout=30))

    with pytest.raises(BackendFailed) as sick:
        graph.check_health()
    assert (sick.value.detail, graph.healthy) == (
        "a run takes longer than 0.01 s",
        False,
    )
    gate.set()


def test_unknown_pipeline_is_named_with_the_known_ones(root, store):
    with pytest.raises(ConfigError, match=r"nope: is not in the catalogue: \['tiny'\]"):
        draw(load_catalogue(root), store, pipelines=["nope"])


def local(blueprint, slots=None):
    return Graph(blueprint, INGRESS, slots or Slots(1), lambda *to: EchoNode())


@pytest.mark.parametrize("slo_ms", [None, 60_000])
async def test_slo_of_a_pipeline_is_the_deadline_of_its_members(root, store, slo_ms):
    rewrite(root, "pipelines", "tiny", slo_ms=slo_ms)
    graph = local(draw(load_catalogue(root), store))
    member = EchoNode({"logits": tiny_logits("tiny-a", ROWS)})
    for name in ("tiny-a", "tiny-b"):
        graph.adopt(f"model:{name}", member)
    asked_s = time.monotonic()

    await graph.pipeline("tiny").infer(Request("tiny", {"features": ROWS}))

    for request in member.requests:
        due_s = request.urgency.deadline_s
        if slo_ms is None:
            assert due_s is None
        else:
            assert due_s is not None
            assert asked_s + 60 <= due_s <= time.monotonic() + 60


@pytest.mark.parametrize(("latency", "batches"), [((), 1), (SLOW, 2)])
async def test_latencies_of_the_card_are_believed_before_there_is_a_run(
    root, store, latency, batches
):
    """By the card, one row would be in time and two rows in one batch would not."""
    blueprint, slots = draw(load_catalogue(root), store), Slots(1)
    graph = local(blueprint, slots)
    card = blueprint.cards["tiny-a"].model_copy(update={"latency": latency})
    node = graph.host("m", blueprint.models["tiny-a"], card)
    await graph.residency.load("m")
    await slots.acquire()
    urgency = Urgency(time.monotonic() + 150)
    request = Request("m", {"features": ROWS[:1]}, urgency=urgency)

    asked = [asyncio.ensure_future(node.infer(request)) for _ in range(2)]
    await asyncio.sleep(0)
    slots.release()
    await asyncio.gather(*asked)

    assert graph.models["m"].stats.batches == batches
    await graph.close()


def serve(root, store):
    blueprint = draw(load_catalogue(root), store)
    graph = open_graphs(blueprint)[INGRESS]

    async def ready():
        return graph.healthy

    return Served(
        [
            Offer(pipeline_contract(blueprint, "tiny"), graph.pipeline("tiny"), ready),
            Offer(
                model_contract(blueprint, "tiny-a"), graph.node("model:tiny-a"), ready
            ),
        ]
    )


async def test_served_model_answers_its_logits(root, store):
    reply = await serve(root, store).infer(Request("tiny-a", {"features": ROWS}))

    assert np.allclose(reply.outputs["logits"], tiny_logits("tiny-a", ROWS), atol=1e-6)


async def test_served_names_are_checked_before_they_run(root, store):
    served = serve(root, store)

    with pytest.raises(ModelNotFound, match="Request for unknown model: 'nope' is not"):
        await served.infer(Request("nope", {"features": ROWS}))
    with pytest.raises(VersionNotFound, match="'tiny' version 9 is not found"):
        await served.infer(Request("tiny", {"features": ROWS}), version="9")
    with pytest.raises(InvalidInput, match="unexpected shape for input 'features'"):
        await served.infer(Request("tiny", {"features": ROWS[:, :3]}))


async def test_everything_served_is_ready(root, store):
    served = serve(root, store)

    assert await served.ready()
    assert await served.ready("tiny-a", "1")

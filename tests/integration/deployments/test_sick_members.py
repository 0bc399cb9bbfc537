"""Members that answer nonsense, on real ONNX Runtime sessions and over HTTP."""

from dataclasses import replace

import httpx
import numpy as np
import pytest
import yaml
from onnx import helper

from configs.catalogue import load_catalogue
from deployments.blueprint import draw
from deployments.contracts import pipeline_contract
from deployments.layout import INGRESS
from deployments.served import Offer, Served
from serve_app.http import build_http
from serve_app.limits import Limits
from tests.plans import open_graphs
from tests.tiny_graphs import write_onnx
from tests.tiny_models import LABELS, build_tiny_store, make_tiny_catalogue, tiny_logits

WELL = np.array([[1, 2, 3, 4]], np.float32)
ILL = np.array([[-1, 2, 3, 4]], np.float32)


def rooted(file):
    """Logits of the roots of the features: of a negative one they are NaN."""
    nodes = [
        helper.make_node("Sqrt", ["features"], ["roots"]),
        helper.make_node("MatMul", ["roots", "eye"], ["logits"]),
    ]
    return write_onnx(file, nodes, [("eye", np.eye(4, 3, dtype=np.float32))])


def narrowing(file):
    """Logits that are the first three features, without those that are negative."""
    constants = [
        ("zero", np.float32(0)),
        ("first", np.arange(3)),
        ("rows", np.array([0])),
    ]
    nodes = [
        helper.make_node("Gather", ["features", "first"], ["some"], axis=1),
        helper.make_node("ReduceMin", ["some", "rows"], ["least"], keepdims=0),
        helper.make_node("Less", ["least", "zero"], ["below"]),
        helper.make_node("Not", ["below"], ["kept"]),
        helper.make_node("Compress", ["some", "kept"], ["logits"], axis=1),
    ]
    return write_onnx(file, nodes, constants, [("logits", ["batch", "left"])])


@pytest.fixture
def root(tmp_path):
    return make_tiny_catalogue(tmp_path)


@pytest.fixture
def client(root, tmp_path):
    """The front door to pipeline tiny, whose second member is the model in a file."""

    def opened(file, **ensemble):
        said = root / "pipelines" / "tiny.yaml"
        content = yaml.safe_load(said.read_text())
        content["ensemble"] |= ensemble
        said.write_text(yaml.safe_dump(content))
        store = build_tiny_store(root, tmp_path / "store")
        blueprint = draw(load_catalogue(root), store)
        facts = {"model_file": store.add_file(file), "golden": None}
        card = blueprint.cards["tiny-b"].model_copy(update=facts)
        blueprint = replace(blueprint, cards={**blueprint.cards, "tiny-b": card})
        graph = open_graphs(blueprint)[INGRESS]

        async def ready():
            return graph.healthy

        contract = pipeline_contract(blueprint, "tiny")
        offer = Offer(contract, graph.pipeline("tiny"), ready)
        app = build_http(Served([offer]), Limits())
        transport = httpx.ASGITransport(app=app)
        return httpx.AsyncClient(transport=transport, base_url="http://gate")

    return opened


async def asked(client, rows):
    body = {"inputs": {"features": rows.tolist()}}
    return await client.post("/v1/pipelines/tiny", json=body)


SICK = pytest.mark.parametrize("sick", [rooted, narrowing], ids=["NaN", "shape"])


@SICK
async def test_pipeline_fails_where_a_member_answers_nonsense(client, sick, tmp_path):
    async with client(sick(tmp_path / "sick.onnx")) as caller:
        well, ill = await asked(caller, WELL), await asked(caller, ILL)

    assert well.status_code == 200
    assert ill.status_code == 500
    assert "'tiny-b' failed on this request" in ill.json()["detail"]


@SICK
async def test_quorum_answers_without_the_member_that_answers_nonsense(
    client, sick, tmp_path
):
    quorum = {"members": 1}
    async with client(sick(tmp_path / "sick.onnx"), quorum=quorum) as caller:
        ill = await asked(caller, ILL)

    assert ill.status_code == 200
    best = int(tiny_logits("tiny-a", ILL).argmax())
    told = ill.json()["labels"][0]
    assert (told["class_index"], told["label"]) == (best, LABELS[best])

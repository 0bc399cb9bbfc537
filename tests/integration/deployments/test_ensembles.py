"""Cascades, quorums and degrading on real ONNX Runtime sessions, in every layout."""

import asyncio
from pathlib import Path

import numpy as np
import pytest
import yaml

from configs.catalogue import load_catalogue
from deployments.blueprint import draw
from deployments.ensembles.node import Ensemble
from deployments.errors import InvalidInput, NotReady
from deployments.graph import Graph
from deployments.layout import INGRESS
from deployments.messages import Request
from deployments.slots import Slots
from models.ensembles import confidence, softmax
from tests.tiny_models import build_tiny_store, make_tiny_catalogue, tiny_logits

ROWS = np.array(
    [[1, 2, 3, 4], [3, -3, 3, -3], [-1, 0, 1, 0.5], [-3, 3, 0, 3]], np.float32
)
THRESHOLD = 0.2
"""Sure are the second and the fourth row."""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return make_tiny_catalogue(tmp_path)


@pytest.fixture
def store(root, tmp_path):
    return build_tiny_store(root, tmp_path / "store")


def say(root, **ensemble):
    file = root / "pipelines" / "tiny.yaml"
    content = yaml.safe_load(file.read_text())
    content["ensemble"] |= ensemble
    file.write_text(yaml.safe_dump(content))


def cascade(root, **said):
    given = {"strategy": "cascade", "order": "listed", "thresholds": [THRESHOLD]}
    say(root, **given, **said)


def open_graphs(root, store, layout=None, slots=None):
    blueprint = draw(load_catalogue(root), store, layout=layout)
    graphs: dict[str, Graph] = {}

    def reach(deployment, node):
        return graphs[deployment].node(node)

    for deployment in (INGRESS, *blueprint.plan.deployments()):
        own = slots[deployment] if slots else Slots(1)
        graphs[deployment] = Graph(blueprint, deployment, own, reach)
    for graph in graphs.values():
        graph.load()
    return graphs


def ensemble(graphs) -> Ensemble:
    found = [graph.node("tiny:ensemble") for graph in graphs.values()]
    return next(node for node in found if isinstance(node, Ensemble))


def request(**parameters):
    return Request("tiny", {"features": ROWS}, parameters)


@pytest.mark.parametrize("layout", ["fused", "separate"])
async def test_cascade_asks_the_second_model_for_unsure_rows_alone(root, store, layout):
    cascade(root)
    graphs = open_graphs(root, store, layout)

    reply = await graphs[INGRESS].pipeline("tiny").infer(request())

    first = softmax(tiny_logits("tiny-a", ROWS))
    sure = confidence("margin", first, [first], [1.0]) >= THRESHOLD
    assert sure.tolist() == [False, True, False, True]
    both = (first + softmax(tiny_logits("tiny-b", ROWS))) / 2
    wanted = np.where(sure[:, None], first, both)
    assert reply.outputs["class_index"][:, 0].tolist() == wanted.argmax(1).tolist()
    assert reply.outputs["probability"][:, 0] == pytest.approx(wanted.max(1), abs=1e-5)
    runs = ",".join("1" if one else "2" for one in sure)
    assert reply.parameters["ensemble_members_run"] == runs
    (home,) = [g for g in graphs.values() if "tiny-b" in str(list(g.models))]
    (model,) = [m for name, m in home.models.items() if "tiny-b" in name]
    assert model.stats.rows == int((~sure).sum())


async def test_ensemble_counts_what_it_did(root, store):
    cascade(root)
    graphs = open_graphs(root, store)
    pipeline = graphs[INGRESS].pipeline("tiny")

    for _ in range(3):
        await pipeline.infer(request())

    stats = ensemble(graphs).stats
    assert (stats.requests, stats.rows) == (3, 3 * len(ROWS))
    assert sum(stats.members_run.values()) == 3 * len(ROWS)
    assert stats.exits[1] == stats.members_run[1]
    assert stats.saved_s > 0


async def test_closed_member_is_done_without_when_there_is_a_quorum(root, store):
    say(root, quorum={"members": 1})
    graphs = open_graphs(root, store, "separate")
    await graphs["model:tiny-b"].close()

    reply = await graphs[INGRESS].pipeline("tiny").infer(request())

    alone = tiny_logits("tiny-a", ROWS).argmax(axis=1)
    assert reply.outputs["class_index"][:, 0].tolist() == alone.tolist()
    assert reply.parameters == {
        "ensemble_members": "tiny-a",
        "ensemble_partial": True,
    }


async def test_closed_member_fails_the_request_otherwise(root, store):
    graphs = open_graphs(root, store, "separate")
    await graphs["model:tiny-b"].close()

    with pytest.raises(NotReady):
        await graphs[INGRESS].pipeline("tiny").infer(request())


async def test_fallback_answers_for_a_closed_member(root, store):
    members = [{"model": "tiny-a"}, {"model": "tiny-b", "fallback": True}]
    say(root, members=members)
    graphs = open_graphs(root, store, "separate")
    await graphs["model:tiny-a"].close()

    reply = await graphs[INGRESS].pipeline("tiny").infer(request())

    alone = tiny_logits("tiny-b", ROWS).argmax(axis=1)
    assert reply.outputs["class_index"][:, 0].tolist() == alone.tolist()


async def test_wish_that_is_no_boolean_is_refused(root, store):
    pipeline = open_graphs(root, store)[INGRESS].pipeline("tiny")

    with pytest.raises(InvalidInput, match="'allow_degraded' of 'tiny' must be true"):
        await pipeline.infer(request(allow_degraded=1))


async def test_requests_of_many_callers_get_the_answers_they_would_get_alone(
    root, store
):
    cascade(root)
    pipeline = open_graphs(root, store)[INGRESS].pipeline("tiny")
    alone = await pipeline.infer(request())

    answers = await asyncio.gather(*(pipeline.infer(request()) for _ in range(8)))

    for answer in answers:
        for name, tensor in alone.outputs.items():
            assert np.array_equal(tensor, answer.outputs[name])


async def test_member_without_a_free_thread_is_not_waited_for(root, store):
    say(root, quorum={"members": 1, "grace_ms": 0})
    blueprint = draw(load_catalogue(root), store, layout="separate")
    slots = {name: Slots(1) for name in (INGRESS, *blueprint.plan.deployments())}
    graphs = open_graphs(root, store, "separate", slots)
    await slots["model:tiny-b"].acquire()

    reply = await graphs[INGRESS].pipeline("tiny").infer(request())
    await asyncio.sleep(0)

    assert reply.parameters["ensemble_members"] == "tiny-a"
    (waiting,) = graphs["model:tiny-b"].models.values()
    assert waiting.stats.cancelled == 1
    slots["model:tiny-b"].release()


async def test_answers_of_fewer_members_come_when_rows_pile_up(root, store):
    say(root, degrade={"at_pressure": 0.25})
    slots = {INGRESS: Slots(1)}
    graph = open_graphs(root, store, slots=slots)[INGRESS]
    await slots[INGRESS].acquire()
    asked = []
    for _ in range(12):  # of four rows each; 64 may wait for a member
        asked.append(asyncio.ensure_future(graph.pipeline("tiny").infer(request())))
        await graph_settled()
    slots[INGRESS].release()

    answers = await asyncio.gather(*asked)

    told = [answer.parameters.get("ensemble_degraded") for answer in answers]
    assert told[:4] == [None] * 4
    assert told[-1] == "overload"
    stats = ensemble({INGRESS: graph}).stats
    assert stats.degraded == {"overload": told.count("overload")}
    assert stats.refused == 0


async def graph_settled():
    """Let the request reach the queues of its members."""
    for _ in range(20):
        await asyncio.sleep(0)

import time

import numpy as np
import pytest

from deployments.errors import InvalidInput
from deployments.messages import Reply, Request, Urgency
from deployments.nodes import Pipeline, TopKPostprocess
from tests.fakes import EchoNode


def distribution(**parameters):
    rows = np.array([[0.1, 0.7, 0.2]], np.float32)
    return Request("p", {"probability": rows}, parameters)


async def test_postprocess_names_the_most_probable_classes():
    reply = await TopKPostprocess("p", 2, ["a", "b", "c"]).infer(distribution())

    assert reply.outputs["label"].tolist() == [[b"b", b"c"]]
    assert reply.outputs["class_index"].tolist() == [[1, 2]]
    assert reply.outputs["probability"][0].tolist() == pytest.approx([0.7, 0.2])


async def test_request_may_ask_for_another_k():
    reply = await TopKPostprocess("p", 1, ["a", "b", "c"]).infer(distribution(k=3))

    assert reply.outputs["label"].tolist() == [[b"b", b"c", b"a"]]


async def test_k_larger_than_the_classes_by_default_gives_them_all():
    reply = await TopKPostprocess("p", 5, ["a", "b", "c"]).infer(distribution())

    assert reply.outputs["label"].shape == (1, 3)


@pytest.mark.parametrize("k", [0, 4, -1, True, 1.5, "2"])
async def test_impossible_k_is_refused(k):
    with pytest.raises(InvalidInput, match="'k' of 'p' must be a whole number from 1"):
        await TopKPostprocess("p", 1, ["a", "b", "c"]).infer(distribution(k=k))


async def test_pipeline_hands_each_step_what_the_last_one_gave():
    first = EchoNode({"probability": np.array([[0.4, 0.6]], np.float32)})
    pipeline = Pipeline([first, EchoNode(), TopKPostprocess("p", 1, ["a", "b"])])

    reply: Reply = await pipeline.infer(Request("p", {"x": np.zeros((1, 1))}, {}, "7"))

    assert reply.outputs["label"].tolist() == [[b"b"]]
    assert first.requests[0].id == "7"


async def test_every_step_of_a_pipeline_knows_its_slo():
    first, second = EchoNode(), EchoNode()

    await Pipeline([first, second], 30.0).infer(Request("p", {"x": np.zeros((1, 1))}))

    due_s = [node.requests[0].urgency.deadline_s for node in (first, second)]
    assert due_s[0] is not None
    assert due_s[0] == due_s[1]
    assert 0 < due_s[0] - time.monotonic() <= 30


async def test_caller_may_want_his_answer_sooner_than_the_slo():
    node, urgency = EchoNode(), Urgency(time.monotonic() + 1, priority=2)

    await Pipeline([node], 30.0).infer(
        Request("p", {"x": np.zeros((1, 1))}, urgency=urgency)
    )

    assert node.requests[0].urgency == urgency


async def test_pipeline_tells_what_a_step_told_of_its_answer():
    first, last = EchoNode(), EchoNode()
    first.parameters = {"ensemble_members": "a"}

    reply = await Pipeline([first, last]).infer(Request("p", {"x": np.zeros((1, 1))}))

    assert reply.parameters == {"ensemble_members": "a"}


async def test_step_may_leave_to_the_next_one_what_is_made():
    first, last = EchoNode(), EchoNode()
    first.later = {"crop": object()}

    await Pipeline([first, last]).infer(Request("p", {"x": np.zeros((1, 1))}))

    assert last.requests[0].later == first.later

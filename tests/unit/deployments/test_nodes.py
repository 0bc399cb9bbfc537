import asyncio
import time
from dataclasses import replace
from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from configs.model import ImageSpec
from configs.pipeline import ImagePreprocessSpec
from deployments.errors import DeadlineExceeded, InvalidInput, Overloaded
from deployments.messages import Reply, Request, Urgency
from deployments.nodes import (
    ImagePreprocess,
    Pipeline,
    TopKPostprocess,
    crop_name,
)
from deployments.slots import Slots
from tests.fakes import EchoNode

SMALL, LARGE = ImageSpec(size_px=8, margin_px=2), ImageSpec(size_px=16, margin_px=4)


def png(color="red", size=(30, 20)):
    written = BytesIO()
    Image.new("RGB", size, color).save(written, "PNG")
    return written.getvalue()


def encoded(*contents):
    return Request("p", {"image": np.array(contents, dtype=np.object_)})


def preprocess(max_pixels=10_000, max_queue_size=8):
    spec = ImagePreprocessSpec(
        kind="image", max_pixels=max_pixels, max_queue_size=max_queue_size
    )
    return ImagePreprocess("p", [SMALL, LARGE], spec, Slots(1))


async def test_preprocess_gives_a_crop_for_each_size_members_want():
    reply = await preprocess().infer(encoded(png("red"), png("blue")))

    assert reply.outputs[crop_name(SMALL)].shape == (2, 8, 8, 3)
    assert reply.outputs[crop_name(LARGE)].shape == (2, 16, 16, 3)
    assert reply.outputs[crop_name(LARGE)][1, 0, 0].tolist() == [0, 0, 255]


async def test_preprocess_takes_ready_pixels_as_it_takes_a_file():
    pixels = np.zeros((1, 20, 30, 3), np.uint8)
    pixels[..., 0] = 255

    ready = await preprocess().infer(Request("p", {"image": pixels}))
    read = await preprocess().infer(encoded(png("red")))

    for name, crops in read.outputs.items():
        assert np.array_equal(crops, ready.outputs[name])


async def test_preprocess_names_the_row_it_cannot_read():
    with pytest.raises(InvalidInput, match="image 1: not a JPEG, PNG, WebP or BMP"):
        await preprocess().infer(encoded(png(), b"no image"))


async def test_preprocess_refuses_an_image_with_too_many_pixels():
    with pytest.raises(InvalidInput, match="image 0: 30x20 pixels, at most 100 are"):
        await preprocess(max_pixels=100).infer(encoded(png()))


async def test_preprocess_refuses_photos_beyond_its_queue():
    node = preprocess(max_queue_size=2)
    asked = [asyncio.ensure_future(node.infer(encoded(png()))) for _ in range(6)]

    answers = await asyncio.gather(*asked, return_exceptions=True)

    refused = [answer for answer in answers if isinstance(answer, Overloaded)]
    assert 0 < len(refused) < len(answers)
    assert str(refused[0]) == "Exceeds maximum queue size: 'p' has 2 waiting"


async def test_photo_of_a_caller_who_left_does_not_hold_up_the_others():
    node = preprocess()
    leaving, staying = (
        asyncio.ensure_future(node.infer(encoded(png()))) for _ in range(2)
    )
    await asyncio.sleep(0)

    leaving.cancel()

    assert len((await staying).outputs) == 2
    assert node.healthy


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


async def test_photos_have_the_urgency_of_their_request():
    late = replace(encoded(png()), urgency=Urgency(deadline_s=0.0))

    with pytest.raises(DeadlineExceeded):
        await preprocess().infer(late)


async def test_pipeline_tells_what_a_step_told_of_its_answer():
    first, last = EchoNode(), EchoNode()
    first.parameters = {"ensemble_members": "a"}

    reply = await Pipeline([first, last]).infer(Request("p", {"x": np.zeros((1, 1))}))

    assert reply.parameters == {"ensemble_members": "a"}

"""Photos as models take them, at once or when somebody asks."""

import asyncio
from dataclasses import replace
from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from configs.model import ImageSpec
from configs.pipeline import ImagePreprocessSpec
from deployments.errors import DeadlineExceeded, InvalidInput, Overloaded
from deployments.keeping import Later, Room
from deployments.messages import Request, Urgency
from deployments.photos import KEPT_PIXELS, ImagePreprocess, crop_name
from deployments.slots import Slots

SMALL, LARGE = ImageSpec(size_px=8, margin_px=2), ImageSpec(size_px=16, margin_px=4)


def png(color="red", size=(30, 20)):
    written = BytesIO()
    Image.new("RGB", size, color).save(written, "PNG")
    return written.getvalue()


def encoded(*contents):
    return Request("p", {"image": np.array(contents, dtype=np.object_)})


def preprocess(max_pixels=10_000_000, max_queue_size=8, later=(), room=None):
    spec = ImagePreprocessSpec(
        kind="image", max_pixels=max_pixels, max_queue_size=max_queue_size
    )
    return ImagePreprocess(
        "p", [SMALL, LARGE], spec, Slots(1), Later(later, room or Room())
    )


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


async def test_photos_have_the_urgency_of_their_request():
    late = replace(encoded(png()), urgency=Urgency(deadline_s=0.0))

    with pytest.raises(DeadlineExceeded):
        await preprocess().infer(late)


async def both_ways(*contents):
    """What is made of photos at once, and where the large crop comes later."""
    whole = await preprocess().infer(encoded(*contents))
    first = await preprocess(later=[crop_name(LARGE)]).infer(encoded(*contents))
    return whole.outputs, first


async def test_crop_of_later_is_made_when_it_is_asked_for_and_is_the_same():
    whole, first = await both_ways(png("red"), png("blue"))
    assert [*first.outputs] == [crop_name(SMALL)]

    made = await first.later[crop_name(LARGE)].rows(None)

    assert np.array_equal(made, whole[crop_name(LARGE)])


async def test_only_rows_that_are_asked_for_are_made_and_each_once():
    whole, first = await both_ways(png("red"), png("blue"), png("green"))
    later = first.later[crop_name(LARGE)]
    assert later.spared == 3

    made = await later.rows(np.array([2, 0]))
    again = await later.rows(np.array([0]))

    assert np.array_equal(made, whole[crop_name(LARGE)][[2, 0]])
    assert np.array_equal(again, made[1:])
    assert later.spared == 1
    assert later.row_s > 0


async def test_large_photo_is_not_kept_for_crops_to_come():
    size = (KEPT_PIXELS // 1000 + 1, 1000)
    whole, first = await both_ways(png("red", size), png("blue"))
    later = first.later[crop_name(LARGE)]

    assert later.spared == 1
    assert np.array_equal(await later.rows(None), whole[crop_name(LARGE)])


def keeping(photos):
    """Preprocessing with room for so many photos of `png`, and a crop that comes later."""
    return preprocess(later=[crop_name(LARGE)], room=Room(photos * 30 * 20))


def kept(reply):
    return reply.later[crop_name(LARGE)].spared


async def test_photos_beyond_the_room_have_all_crops_made_at_once():
    node, contents = keeping(2), [png(color) for color in ("red", "blue", "green")]
    whole = await preprocess().infer(encoded(*contents))

    reply = await node.infer(encoded(*contents))
    other = await node.infer(encoded(*contents))

    assert (kept(reply), kept(other)) == (2, 0)
    for answer in (reply, other):
        made = await answer.later[crop_name(LARGE)].rows(None)
        assert np.array_equal(made, whole.outputs[crop_name(LARGE)])


async def test_photo_gives_its_room_back_when_its_last_crop_is_made():
    node = keeping(2)
    reply = await node.infer(encoded(png("red"), png("blue")))

    await reply.later[crop_name(LARGE)].rows(np.array([0, 1]))

    assert kept(await node.infer(encoded(png("green"), png("red")))) == 2


async def test_photo_gives_its_room_back_when_nobody_asks_for_its_crops():
    node = keeping(2)
    reply = await node.infer(encoded(png("red"), png("blue")))
    assert kept(reply) == 2

    del reply

    assert kept(await node.infer(encoded(png("green"), png("red")))) == 2


async def test_crop_that_comes_too_late_is_refused_as_its_request_is():
    _, first = await both_ways(png())
    later = first.later[crop_name(LARGE)]
    later.urgency = Urgency(deadline_s=0.0)

    with pytest.raises(DeadlineExceeded):
        await later.rows(None)

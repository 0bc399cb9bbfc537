import asyncio

import numpy as np
import pytest

from configs.model import BatchingSpec, ImageSpec, TensorSpec
from deployments.errors import BackendFailed, DeadlineExceeded, NotReady
from deployments.messages import Request, Urgency
from deployments.model import Model
from deployments.slots import Slots
from tests.fakes import DoublingBackend, floats


@pytest.fixture
def backend():
    return DoublingBackend()


@pytest.fixture
async def model(backend):
    model = Model("m", backend, BatchingSpec(max_batch_size=8), Slots(1))
    yield model
    backend.gate.set()
    await model.close()


async def ask(model, *values):
    reply = await model.infer(Request("m", {"x": floats(*values)}))
    return reply.outputs["y"].ravel().tolist()


async def test_single_request_is_answered(model):
    assert await ask(model, 1, 2) == [2, 4]


async def test_model_has_run_once_it_has_answered(model):
    assert not model.has_run

    await ask(model, 1)

    assert model.has_run


async def test_requests_in_one_batch_get_their_own_rows(model, backend):
    backend.gate.clear()
    first = asyncio.ensure_future(ask(model, 0))
    await asyncio.to_thread(backend.entered.acquire, timeout=30)
    rest = [asyncio.ensure_future(ask(model, *v)) for v in ((1,), (2, 3), (4,))]
    await asyncio.sleep(0)

    backend.gate.set()

    assert await asyncio.gather(first, *rest) == [[0], [2], [4, 6], [8]]
    assert backend.batches == [1, 4]


async def test_poisoned_request_fails_alone(model, backend):
    backend.gate.clear()
    first = asyncio.ensure_future(ask(model, 0))
    await asyncio.to_thread(backend.entered.acquire, timeout=30)
    good, bad = (asyncio.ensure_future(ask(model, value)) for value in (1, -1))
    await asyncio.sleep(0)

    backend.gate.set()
    answers = await asyncio.gather(first, good, bad, return_exceptions=True)

    assert list(answers[:2]) == [[0], [2]]
    assert isinstance(answers[2], BackendFailed)


async def test_backend_that_answers_other_rows_fails_the_request(model, backend):
    backend.run = lambda inputs: {"y": inputs["x"][:-1]}

    with pytest.raises(BackendFailed):
        await ask(model, 1, 2)


@pytest.mark.parametrize(
    "answer",
    [
        lambda rows: {"y": rows.repeat(2, axis=1)},
        lambda rows: {"y": rows.astype(np.float64)},
        lambda rows: {"z": rows},
        lambda rows: {"y": rows, "z": rows},
    ],
    ids=["shape", "datatype", "name", "one more"],
)
async def test_answer_that_is_not_as_the_card_says_fails_the_request(
    model, backend, answer
):
    promised = TensorSpec(name="y", datatype="FP32", shape=(1,))
    model.tell({}, varied=False, outputs=[promised])
    assert await ask(model, 1, 2) == [2, 4]
    backend.run = lambda inputs: answer(inputs["x"])

    with pytest.raises(BackendFailed, match="'m' failed on this request") as failed:
        await ask(model, 1, 2)

    assert "WrongAnswer" in failed.value.detail


async def test_crops_are_normalised_and_floats_are_taken_as_they_are():
    image = ImageSpec(size_px=2, mean=127, std=128)
    backend = DoublingBackend()
    model = Model("m", backend, BatchingSpec(), Slots(1), image)
    crops = np.full((1, 2, 2, 3), 255, np.uint8)

    from_crops = await model.infer(Request("m", {"x": crops}))
    from_floats = await model.infer(Request("m", {"x": np.ones((1, 3, 2, 2))}))

    assert from_crops.outputs["y"].shape == (1, 3, 2, 2)
    assert np.array_equal(from_crops.outputs["y"], from_floats.outputs["y"])
    await model.close()


@pytest.fixture
async def hung(backend):
    """Two models on one slot, of which the first has a run that does not end."""
    slots = Slots(1, run_timeout_s=0.05)
    models = [Model(name, backend, BatchingSpec(), slots) for name in ("a", "b")]
    backend.gate.clear()
    running = asyncio.ensure_future(ask(models[0], 1))
    await asyncio.to_thread(backend.entered.acquire, timeout=30)
    yield slots, models, running
    backend.gate.set()
    for model in models:
        await model.close()


async def test_caller_of_a_run_that_hangs_gets_an_error(hung):
    slots, _, running = hung

    with pytest.raises(BackendFailed, match="'a' failed on this request"):
        await running

    assert slots.overdue == 1


async def test_whoever_waits_behind_a_run_that_hangs_is_refused(hung):
    _, models, running = hung
    waiting = [asyncio.ensure_future(ask(model, 2)) for model in models]

    answers = await asyncio.gather(running, *waiting, return_exceptions=True)

    assert [type(answer) for answer in answers] == [BackendFailed, NotReady, NotReady]
    with pytest.raises(NotReady):
        await ask(models[1], 3)


async def test_model_serves_on_when_the_run_ends_after_all(hung, backend):
    slots, models, running = hung
    await asyncio.wait([running])

    backend.gate.set()
    await slots.acquire()
    slots.release()

    assert await ask(models[1], 3) == [6]
    assert isinstance(running.exception(), BackendFailed)


async def test_requests_of_different_shapes_do_not_share_a_batch(backend, model):
    model.tell({}, varied=True)
    backend.gate.clear()
    first = asyncio.ensure_future(ask(model, 0))
    await asyncio.to_thread(backend.entered.acquire, timeout=30)
    narrow = [asyncio.ensure_future(ask(model, value)) for value in (1, 2)]
    wide = asyncio.ensure_future(
        model.infer(Request("m", {"x": np.ones((1, 3), np.float32)}))
    )
    await asyncio.sleep(0)

    backend.gate.set()

    assert await asyncio.gather(first, *narrow) == [[0], [2], [4]]
    assert (await wide).outputs["y"].shape == (1, 3)
    assert backend.batches == [1, 2, 1]


async def test_deadline_of_a_request_is_that_of_its_rows(model):
    late = Request("m", {"x": floats(1)}, urgency=Urgency(deadline_s=0.0))

    with pytest.raises(DeadlineExceeded):
        await model.infer(late)

"""Many requests on one stream."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any

import pytest

from deployments.errors import BackendFailed
from serve_app.oip import inference_pb2 as pb
from serve_app.oip.grpc import GrpcFront
from serve_app.oip.stream import in_order, while_there
from tests.fakes_protocol import FakeContext, FakeService

LIMIT = 3
WAIT_S = 60


class Desk:
    """Answers a number with itself once told to; keeps count of what it works on."""

    def __init__(self) -> None:
        self.open: dict[int, asyncio.Event] = {}
        self.busy = self.most = 0
        self.cancelled: list[int] = []
        self.changed = asyncio.Condition()

    async def answer(self, number: int) -> int:
        self.open[number] = asyncio.Event()
        self.busy += 1
        self.most = max(self.most, self.busy)
        await self._tell()
        try:
            await self.open[number].wait()
        except asyncio.CancelledError:
            self.cancelled.append(number)
            raise
        finally:
            self.busy -= 1
            await self._tell()
        return number

    async def until(self, *numbers: int) -> None:
        """Return when all of them are being answered."""
        async with self.changed:
            await self.changed.wait_for(lambda: {*numbers} <= {*self.open})

    async def _tell(self) -> None:
        async with self.changed:
            self.changed.notify_all()


async def numbers(count: int) -> AsyncIterator[int]:
    for number in range(count):
        yield number


@pytest.fixture
def desk() -> Desk:
    return Desk()


async def test_answers_come_in_the_order_of_their_requests(desk: Desk):
    reading = asyncio.create_task(_all(in_order(numbers(3), desk.answer, LIMIT)))
    await desk.until(0, 1, 2)

    for number in (2, 0, 1):
        desk.open[number].set()

    assert await reading == [0, 1, 2]


async def test_no_more_are_read_than_there_is_room_for(desk: Desk):
    reading = asyncio.create_task(_all(in_order(numbers(9), desk.answer, LIMIT)))

    for number in range(9):
        await desk.until(number)
        desk.open[number].set()

    assert await reading == [*range(9)]
    assert desk.most == LIMIT


async def test_answers_that_wait_for_their_turn_take_room(desk: Desk):
    answers = in_order(numbers(9), desk.answer, LIMIT)
    first = asyncio.create_task(anext(answers))
    await desk.until(0, 1, 2)
    for number in (1, 2):
        desk.open[number].set()
    await asyncio.sleep(0)
    assert 3 not in desk.open

    desk.open[0].set()

    assert await first == 0
    second = asyncio.create_task(anext(answers))
    await desk.until(3)
    assert await second == 1
    await answers.aclose()


async def test_closing_cancels_what_is_not_answered(desk: Desk):
    async with aclosing(in_order(numbers(9), desk.answer, LIMIT)) as answers:
        first = asyncio.create_task(anext(answers))
        await desk.until(0, 1, 2)
        desk.open[0].set()
        await first
        await desk.until(1, 2)

    async with desk.changed:
        await desk.changed.wait_for(lambda: not desk.busy)
    assert {1, 2} <= {*desk.cancelled}


async def test_stream_that_breaks_cancels_what_is_not_answered(desk: Desk):
    breaks = asyncio.Event()

    async def broken() -> AsyncIterator[int]:
        yield 0
        await breaks.wait()
        raise ConnectionError

    reading = asyncio.create_task(_all(in_order(broken(), desk.answer, LIMIT)))
    await desk.until(0)
    breaks.set()

    with pytest.raises((ConnectionError, asyncio.CancelledError)):
        await reading
    assert desk.cancelled == [0]


async def test_client_that_left_is_told_from_one_that_has_said_all(desk: Desk):
    """Ray Serve ends the requests in both cases, and keeps a flag."""
    stream = Requests(pb.ModelInferRequest(id="a"))
    assert [one.id async for one in while_there(stream)] == ["a"]

    stream = Requests(pb.ModelInferRequest(id="a"))
    stream.cancelled = True

    with pytest.raises(asyncio.CancelledError):
        [one async for one in while_there(stream)]


class Requests:
    """Requests as Ray Serve hands them over."""

    def __init__(self, *requests: pb.ModelInferRequest) -> None:
        self._requests = iter(requests)
        self.cancelled = False

    def __aiter__(self) -> "Requests":
        return self

    async def __anext__(self) -> pb.ModelInferRequest:
        for request in self._requests:
            return request
        raise StopAsyncIteration

    def is_cancelled(self) -> bool:
        return self.cancelled


def addition(number: int, model: str = "adder") -> pb.ModelInferRequest:
    request = pb.ModelInferRequest(model_name=model, id=str(number))
    for name in ("INPUT0", "INPUT1"):
        given = request.inputs.add(name=name, datatype="INT32", shape=[1, 4])
        given.contents.int_contents.extend([number] * 4)
    request.outputs.add(name="SUM")
    return request


async def test_each_request_of_a_stream_is_answered_once(front: GrpcFront):
    requests = Requests(*map(addition, range(5)))

    answers = await _all(front.ModelStreamInfer(requests, FakeContext()))

    assert [one.infer_response.id for one in answers] == ["0", "1", "2", "3", "4"]
    assert [one.error_message for one in answers] == [""] * 5
    sums = [one.infer_response.raw_output_contents[0][:1] for one in answers]
    assert sums == [bytes([2 * number]) for number in range(5)]


async def test_every_answer_of_a_stream_is_the_final_one(
    front: GrpcFront, service: FakeService
):
    request = addition(1)
    request.parameters["triton_enable_empty_final_response"].bool_param = True
    request.parameters["color"].string_param = "red"

    (answer,) = await _all(front.ModelStreamInfer(Requests(request), FakeContext()))

    assert answer.infer_response.parameters["triton_final_response"].bool_param
    assert service.requests[0].parameters == {"color": "red"}


async def test_failure_of_one_request_is_its_own(front: GrpcFront):
    requests = Requests(addition(0), addition(1, model="nope"), addition(2))
    context = FakeContext()

    answers = await _all(front.ModelStreamInfer(requests, context))

    assert [one.error_message for one in answers] == [
        "",
        "Request for unknown model: 'nope' is not found",
        "",
    ]
    assert answers[1].infer_response.id == "1"
    assert context.code is None


async def test_failure_of_ours_tells_a_stream_no_more_than_a_call(
    front: GrpcFront, service: FakeService
):
    service.error = BackendFailed("adder", "/secret/path: segmentation fault")

    (answer,) = await _all(front.ModelStreamInfer(Requests(addition(0)), FakeContext()))

    assert answer.error_message == "'adder' failed on this request"


async def test_client_that_leaves_takes_its_requests_along(
    front: GrpcFront, service: FakeService
):
    service.gate.clear()
    stream = Requests(addition(0), addition(1))
    answers = front.ModelStreamInfer(stream, FakeContext())
    reading = asyncio.ensure_future(anext(answers))
    await service.asked.wait()

    reading.cancel()

    with pytest.raises(asyncio.CancelledError):
        await reading
    await asyncio.wait_for(service.cancelled.wait(), WAIT_S)


async def _all(answers: AsyncIterator[Any]) -> list[Any]:
    return [answer async for answer in answers]

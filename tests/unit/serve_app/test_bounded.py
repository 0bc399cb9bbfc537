"""Requests that take too long, and clients that leave while they wait."""

import asyncio
from collections.abc import Callable
from typing import Any

import httpx
import orjson
import pytest
from starlette.responses import Response
from starlette.types import Message

import serve_app.bounded
from serve_app.bounded import Bounded
from serve_app.http import build_http
from serve_app.limits import Limits
from tests.fakes_protocol import JPEG, FakeService
from tests.wire_messages import ADD, addition

VISION = "/v1/pipelines/vision"


def asked_for(path: str, body: bytes) -> dict[str, Any]:
    length = str(len(body)).encode()
    return {
        **{"type": "http", "method": "POST", "path": path, "query_string": b""},
        **{"headers": [(b"content-length", length)]},
    }


def still_cancelled() -> int:
    """Cancellations of this task that nobody has withdrawn; Python 3.10 keeps none."""
    task = asyncio.current_task()
    return int(task.cancelling()) if hasattr(task, "cancelling") else 0  # type: ignore[union-attr]


@pytest.fixture
def stuck(service: FakeService) -> FakeService:
    service.gate.clear()
    return service


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serve_app.bounded, "LOOK_AFTER_S", 0.0)


@pytest.mark.parametrize(
    ("path", "read"),
    [
        (ADD, lambda told: told["error"]),
        (VISION, lambda told: told["detail"]),
    ],
)
async def test_request_that_takes_too_long_is_ended(
    stuck: FakeService, path: str, read: Callable[[Any], str]
):
    app = build_http(stuck, Limits(request_timeout_s=0.01))
    transport = httpx.ASGITransport(app=app)
    body = orjson.dumps(addition()) if path == ADD else JPEG

    async with httpx.AsyncClient(transport=transport, base_url="http://gate") as caller:
        response = await caller.post(path, content=body)

    assert response.status_code == 504
    assert read(response.json()) == "the request took too long"
    assert stuck.cancelled.is_set()


async def test_body_that_comes_too_slowly_is_not_taken_for_a_slow_answer(
    service: FakeService,
):
    sent, app = [], build_http(service, Limits(request_timeout_s=0.01))

    async def receive() -> Message:
        await asyncio.Event().wait()
        raise AssertionError("it never comes")

    async def send(message: Message) -> None:
        sent.append(message)

    await app(asked_for(VISION, JPEG), receive, send)

    assert sent[0]["status"] == 408
    assert still_cancelled() == 0


@pytest.mark.skipif(
    not hasattr(asyncio.Task, "uncancel"), reason="Python 3.10 cannot tell them apart"
)
async def test_cancellation_of_others_beside_ours_passes_through():
    """Both in the same turn of the loop."""

    async def app(scope: object, receive: object, send: object) -> None:
        task = asyncio.current_task()
        assert task is not None
        task.cancel()
        await asyncio.sleep(0.01)
        raise AssertionError("it was cancelled")

    async def nothing(*_: object) -> Any:
        return {"type": "http.request"}

    bounded = Bounded(0.0, lambda scope, end: Response())
    asked = asyncio.ensure_future(bounded(app, {}, nothing, nothing))

    with pytest.raises(asyncio.CancelledError):
        await asked


async def test_client_that_leaves_takes_its_request_along(
    stuck: FakeService, impatient: None
):
    sent, app = [], build_http(stuck, Limits())
    told: list[Message] = [
        {"type": "http.request", "body": JPEG, "more_body": False},
        {"type": "http.disconnect"},
    ]

    async def receive() -> Message:
        return told.pop(0)

    async def send(message: Message) -> None:
        sent.append(message)

    await app(asked_for(VISION, JPEG), receive, send)

    assert stuck.cancelled.is_set()
    assert still_cancelled() == 0
    assert sent[0]["status"] == 499


async def test_client_that_stays_gets_its_answer(stuck: FakeService, impatient: None):
    app, stays = build_http(stuck, Limits()), asyncio.Event()
    told: list[Message] = [{"type": "http.request", "body": JPEG, "more_body": False}]
    sent: list[Message] = []

    async def receive() -> Message:
        if not told:
            stays.set()
            await asyncio.Event().wait()
        return told.pop(0)

    async def send(message: Message) -> None:
        sent.append(message)

    asked = asyncio.ensure_future(app(asked_for(VISION, JPEG), receive, send))
    await stays.wait()
    stuck.gate.set()
    await asked

    assert sent[0]["status"] == 200


async def test_being_cancelled_by_somebody_else_passes_through(stuck: FakeService):
    app = build_http(stuck, Limits())

    async def receive() -> Message:
        return {"type": "http.request", "body": JPEG, "more_body": False}

    async def send(message: Message) -> None:
        raise AssertionError("nothing is to be answered")

    asked = asyncio.ensure_future(app(asked_for(VISION, JPEG), receive, send))
    await stuck.asked.wait()
    asked.cancel()

    with pytest.raises(asyncio.CancelledError):
        await asked

"""Large bodies over real connections, received past the parser."""

import asyncio
import hashlib
import json
from collections.abc import Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
import uvicorn
from starlette.requests import ClientDisconnect
from starlette.requests import Request as HttpRequest
from starlette.responses import JSONResponse, Response

from deployments.budget import Budget
from deployments.errors import Saturated
from serve_app import intake
from serve_app.body import LARGE_BYTES, read_binary_body
from serve_app.bounded import FILL, Bounded
from serve_app.intake import Intake

LIMIT_BYTES, LONG_S = 2**22, 60.0
LARGE = np.random.default_rng(0).bytes(10 * LARGE_BYTES + 7)
SMALL = LARGE[: LARGE_BYTES // 2]


@dataclass
class Reader:
    """An application that says what it read."""

    budget: Budget = field(default_factory=Budget)
    limit_s: float = LONG_S
    wrap: Callable[[Any], Any] = lambda receive: receive
    ended: asyncio.Queue[type[Exception]] = field(default_factory=asyncio.Queue)

    async def __call__(self, scope, receive, send):
        bounded = Bounded(self.limit_s, lambda _, end: Response(end.value, 408))
        await bounded(self.read, scope, self.wrap(receive), send)

    async def read(self, scope, receive, send):
        request = HttpRequest(scope, receive)
        try:
            with self.budget.hold("m") as held:
                body = await read_binary_body(request, held, LIMIT_BYTES, 3)
        except (ClientDisconnect, Saturated) as error:
            self.ended.put_nowait(type(error))
            answer = Response(type(error).__name__, 503)
        else:
            told = {"sha": hashlib.sha256(body).hexdigest(), "direct": FILL in scope}
            answer = JSONResponse(told)
        await answer(scope, receive, send)


@asynccontextmanager
async def serving(app):
    options: Any = {"lifespan": "off", "access_log": False, "port": 0}
    options |= {"http": Intake, "log_config": None}
    server = uvicorn.Server(uvicorn.Config(app, **options))
    task = asyncio.create_task(server.serve())
    while not server.started:  # noqa: ASYNC110 - there is no event for it
        await asyncio.sleep(0)
    port = server.servers[0].sockets[0].getsockname()[1]
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    yield reader, writer
    writer.close()
    server.should_exit = True
    await task


def head(length, *more):
    lines = ["POST / HTTP/1.1", "Host: x", f"Content-Length: {length}", *more]
    return "\r\n".join([*lines, "", ""]).encode()


async def answer(reader):
    """Status and body of the next answer."""
    said = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
    length = int(said.split("content-length: ")[1].split()[0])
    return int(said.split()[1]), await reader.readexactly(length)


async def read_well(reader, body, *, direct=True):
    status, said = await answer(reader)
    assert status == 200
    assert json.loads(said) == {
        "sha": hashlib.sha256(body).hexdigest(),
        "direct": direct,
    }


@pytest.mark.parametrize("body", [LARGE, SMALL, b""], ids=["large", "small", "none"])
async def test_bodies_on_one_connection_are_read_one_after_another(body):
    async with serving(Reader()) as (reader, writer):
        for _ in range(3):
            writer.write(head(len(body)) + body)
            await read_well(reader, body)


async def test_requests_sent_without_waiting_are_answered_in_their_order():
    bodies = [LARGE, SMALL, LARGE[::-1], b"", LARGE]

    async with serving(Reader()) as (reader, writer):
        writer.writelines([head(len(body)) + body for body in bodies])
        said = [json.loads((await answer(reader))[1])["sha"] for _ in bodies]

    assert said == [hashlib.sha256(body).hexdigest() for body in bodies]


async def test_body_that_comes_in_many_pieces_is_whole():
    async with serving(Reader()) as (reader, writer):
        writer.write(head(len(LARGE)))
        for at in range(0, len(LARGE), 50_001):
            writer.write(LARGE[at : at + 50_001])
            await writer.drain()
            await asyncio.sleep(0)
        await read_well(reader, LARGE)


async def test_body_of_unknown_length_goes_the_usual_way():
    chunk = f"{len(LARGE):x}\r\n".encode() + LARGE + b"\r\n0\r\n\r\n"
    lines = b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"

    async with serving(Reader()) as (reader, writer):
        writer.write(lines + chunk)
        await read_well(reader, LARGE)
        writer.write(head(len(LARGE)) + LARGE)
        await read_well(reader, LARGE)


async def test_client_that_waits_to_be_told_is_told():
    async with serving(Reader()) as (reader, writer):
        writer.write(head(len(LARGE), "Expect: 100-continue"))
        assert b"100 Continue" in await reader.readuntil(b"\r\n\r\n")
        writer.write(LARGE)
        await read_well(reader, LARGE, direct=False)


async def test_nothing_is_offered_when_somebody_else_reads_the_body():
    def elsewhere(receive):
        async def read():
            return await receive()

        return read

    async with serving(Reader(wrap=elsewhere)) as (reader, writer):
        writer.write(head(len(LARGE)) + LARGE)
        await read_well(reader, LARGE, direct=False)


async def test_connection_goes_on_after_a_body_that_nobody_wanted():
    async def refuse(scope, receive, send):
        await Response("no", 413)(scope, receive, send)

    async with serving(refuse) as (reader, writer):
        for _ in range(3):
            writer.write(head(len(LARGE)) + LARGE[:9])
            assert await answer(reader) == (413, b"no")
            writer.write(LARGE[9:])


async def test_request_of_a_client_that_leaves_ends():
    app = Reader()

    async with serving(app) as (_, writer):
        writer.write(head(len(LARGE)) + LARGE[:-1])
        await writer.drain()
        writer.close()

        assert await app.ended.get() is ClientDisconnect


async def test_body_for_which_there_is_no_room_ends_its_connection():
    app = Reader(Budget(len(LARGE) // 2))
    other = app.budget.hold("other")
    other.reach(1)  # who is alone may have any size

    async with serving(app) as (reader, writer):
        writer.write(head(len(LARGE)) + LARGE)
        status, _ = await answer(reader)
        assert status == 503
        assert await reader.read() == b""

    assert app.budget.held_bytes == 1


async def test_body_that_takes_too_long_ends_its_connection():
    async with serving(Reader(limit_s=0.2)) as (reader, writer):
        writer.write(head(len(LARGE)) + LARGE[:-1])
        assert await answer(reader) == (408, b"slow")
        writer.write(LARGE[-1:] + head(0))
        assert await reader.read() == b""


def test_uvicorn_takes_it_by_itself_once_it_is_installed(monkeypatch):
    monkeypatch.setitem(uvicorn.config.HTTP_PROTOCOLS, "auto", "what was there before")

    intake.install()

    config = uvicorn.Config(Reader())
    config.load()
    assert vars(config)["http_protocol_class"] is Intake

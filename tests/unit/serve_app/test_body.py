"""How much of a body is read, and how it is unpacked."""

import gzip
from typing import Any

import httpx
import orjson
import pytest

from serve_app.http import build_http
from serve_app.limits import Limits
from tests.fakes_protocol import LIMIT_BYTES, FakeService
from tests.wire_messages import ADD, PIXELS, SCORE, addition, packed, scoring


async def test_body_over_the_limit_is_refused_before_it_is_read(service: FakeService):
    app = build_http(service, Limits(max_body_bytes=LIMIT_BYTES))
    scope = {
        **{"type": "http", "method": "POST", "path": ADD, "query_string": b""},
        **{"headers": [(b"content-length", str(LIMIT_BYTES + 1).encode())]},
    }
    sent: list[Any] = []

    async def receive() -> Any:
        raise AssertionError("the body was read")

    async def send(message: Any) -> None:
        sent.append(message)

    await app(scope, receive, send)

    assert sent[0]["status"] == 413
    assert orjson.loads(sent[1]["body"]) == {
        "error": f"request body must be at most {LIMIT_BYTES} bytes"
    }


@pytest.mark.parametrize("more", range(8))
async def test_tensor_behind_a_head_of_any_length_is_aligned(
    client: httpx.AsyncClient, service: FakeService, more: int
):
    body, headers = packed(scoring(id="x" * more), PIXELS.tobytes())

    response = await client.post(SCORE, content=body, headers=headers)

    assert response.status_code == 200
    assert service.requests[0].inputs["pixels"].flags.aligned


async def test_body_of_unknown_length_is_read_up_to_the_limit(
    client: httpx.AsyncClient,
):
    read = 0

    async def endless() -> Any:
        nonlocal read
        while read < 100 * LIMIT_BYTES:
            read += 1024
            yield bytes(1024)

    response = await client.post(ADD, content=endless())

    assert response.status_code == 413
    assert read <= LIMIT_BYTES + 2 * 1024


async def test_body_at_the_limit_is_read(client: httpx.AsyncClient):
    message = orjson.dumps(addition())

    response = await client.post(ADD, content=message.ljust(LIMIT_BYTES))

    assert response.status_code == 200


async def test_packed_body_may_not_unpack_over_the_limit(client: httpx.AsyncClient):
    bomb = gzip.compress(bytes(100 * LIMIT_BYTES))

    response = await client.post(
        ADD, content=bomb, headers={"Content-Encoding": "gzip"}
    )

    assert len(bomb) < LIMIT_BYTES
    assert response.status_code == 413


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"no gzip at all",
        gzip.compress(orjson.dumps(addition()))[:-1],
        gzip.compress(orjson.dumps(addition())) + b"more",
    ],
)
async def test_damaged_packed_body_is_refused(client: httpx.AsyncClient, body: bytes):
    response = await client.post(
        ADD, content=body, headers={"Content-Encoding": "gzip"}
    )

    assert response.status_code == 400
    assert "gzip" in response.json()["error"]


async def test_unknown_packing_is_unsupported(client: httpx.AsyncClient):
    response = await client.post(ADD, content=b"x", headers={"Content-Encoding": "br"})

    assert (response.status_code, response.json()) == (
        415,
        {"error": "unsupported 'br': Content-Encoding must be gzip or deflate"},
    )

"""Reads a request body within its limit, packed or not."""

import asyncio
import zlib
from collections.abc import AsyncIterator

import numpy as np
from starlette.requests import ClientDisconnect
from starlette.requests import Request as HttpRequest

from deployments.budget import Hold
from deployments.errors import InvalidInput, PayloadTooLarge
from serve_app.errors import UnsupportedMedia

WINDOW_BITS = {"gzip": 16 + zlib.MAX_WBITS, "deflate": zlib.MAX_WBITS}


ALIGNMENT_BYTES = 64


async def read_body(request: HttpRequest, held: Hold, limit_bytes: int) -> bytes:
    """The whole body, decompressed; `held` reaches its size as it comes.

    Raises:
        PayloadTooLarge: it is larger than `limit_bytes`, packed or unpacked.
        Saturated: the replica has no room for it now.
        UnsupportedMedia: its Content-Encoding is not known here.
        InvalidInput: it is not what its Content-Encoding says.
    """
    encoding = request.headers.get("content-encoding", "identity").strip().lower()
    if encoding != "identity" and encoding not in WINDOW_BITS:
        raise UnsupportedMedia(encoding, "Content-Encoding must be gzip or deflate")
    body = b"".join([chunk async for chunk in _chunks(request, held, limit_bytes)])
    if encoding == "identity":
        return body
    # Off the event loop: a large body takes tens of milliseconds.
    content = await asyncio.to_thread(unpack, held.name, body, encoding, limit_bytes)
    held.reach(len(content))
    return content


def unpack(model: str, body: bytes, encoding: str, limit_bytes: int) -> bytes:
    """Decompress `body`, never into more than `limit_bytes`.

    Raises:
        PayloadTooLarge: it holds more.
        InvalidInput: it is damaged, cut short or followed by something else.
    """
    unpacker = zlib.decompressobj(WINDOW_BITS[encoding])
    try:
        content = unpacker.decompress(body, limit_bytes + 1)
    except zlib.error:
        raise InvalidInput(model, f"the body is not valid {encoding} data") from None
    if len(content) > limit_bytes:
        raise PayloadTooLarge(limit_bytes)
    if not unpacker.eof or unpacker.unused_data:
        raise InvalidInput(model, f"the body is not one whole {encoding} stream")
    return content


async def read_binary_body(
    request: HttpRequest, held: Hold, limit_bytes: int, tensors_at: int
) -> bytes | memoryview:
    """The whole body; of a large one, byte `tensors_at` suits every datatype.

    A tensor behind a JSON head of any length would else be copied once more. A body that
    comes in one piece is left as it is.

    Raises:
        PayloadTooLarge, Saturated, UnsupportedMedia, InvalidInput: see `read_body`.
    """
    announced = _announced(request)
    if announced is None or "content-encoding" in request.headers:
        return await read_body(request, held, limit_bytes)
    if announced > limit_bytes:
        raise PayloadTooLarge(limit_bytes)
    chunk, more = await _receive(request)
    if not more and len(chunk) <= announced:
        held.reach(len(chunk))
        return chunk
    room, filled = _aligned(announced, tensors_at), 0
    while True:
        ends = filled + len(chunk)
        if ends > announced:
            raise InvalidInput(held.name, "the body is longer than its Content-Length")
        held.reach(ends)
        room[filled:ends] = chunk
        if not more:
            return room[:ends]
        filled = ends
        chunk, more = await _receive(request)


async def _receive(request: HttpRequest) -> tuple[bytes, bool]:
    """The next piece of the body, and whether there are more.

    Raises:
        ClientDisconnect: the client has left.
    """
    message = await request.receive()
    if message["type"] == "http.disconnect":
        raise ClientDisconnect
    return message.get("body", b""), message.get("more_body", False)


async def _chunks(
    request: HttpRequest, held: Hold, limit_bytes: int
) -> AsyncIterator[bytes]:
    announced = _announced(request)
    # A refusal before the first read spares the client from sending the rest.
    if announced is not None and announced > limit_bytes:
        raise PayloadTooLarge(limit_bytes)
    size = 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > limit_bytes:
            raise PayloadTooLarge(limit_bytes)
        held.reach(size)
        yield chunk


def _announced(request: HttpRequest) -> int | None:
    announced = request.headers.get("content-length", "").lstrip("0")
    # isdecimal alone lets in digits of other scripts, len keeps int() short.
    known = announced.isascii() and announced.isdecimal() and len(announced) < 20
    return int(announced) if known else None


def _aligned(size_bytes: int, tensors_at: int) -> memoryview:
    room = np.empty(size_bytes + ALIGNMENT_BYTES, np.uint8)
    address: int = room.__array_interface__["data"][0]
    start = -(address + tensors_at) % ALIGNMENT_BYTES
    return memoryview(room)[start : start + size_bytes]  # type: ignore[arg-type]

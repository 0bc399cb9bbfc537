"""Servers on loopback that load generators are pointed at."""

from collections.abc import AsyncIterator

import pytest
from aiohttp import web


@pytest.fixture
async def http_url() -> AsyncIterator[str]:
    """Answers `/echo` with the body and `/full` with 503."""

    async def echo(request: web.Request) -> web.Response:
        return web.Response(body=await request.read())

    async def full(_: web.Request) -> web.Response:
        return web.Response(status=503)

    app = web.Application()
    app.add_routes([web.post("/echo", echo), web.post("/full", full)])
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    yield f"http://127.0.0.1:{port}"
    await runner.cleanup()

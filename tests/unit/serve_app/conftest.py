"""The front door over a fake service, called without a network."""

from collections.abc import AsyncIterator

import httpx
import pytest

from serve_app.http import build_http
from serve_app.limits import Limits
from serve_app.oip.grpc import GrpcFront
from tests.fakes_protocol import LIMIT_BYTES, FakeService


@pytest.fixture
def service() -> FakeService:
    return FakeService()


@pytest.fixture
async def client(service: FakeService) -> AsyncIterator[httpx.AsyncClient]:
    app = build_http(service, Limits(max_body_bytes=LIMIT_BYTES))
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://gate") as caller:
        yield caller


@pytest.fixture
def front(service: FakeService) -> GrpcFront:
    return GrpcFront(service, Limits(max_body_bytes=LIMIT_BYTES))

"""What the HTTP routes answer when they cannot answer."""

import asyncio
import logging
from typing import Any

import httpx
import pytest

from deployments.errors import BackendFailed, InvalidInput, NotReady, Overloaded
from serve_app.http import build_http
from serve_app.limits import Limits
from tests.fakes_protocol import FakeService
from tests.wire_messages import (
    ADD,
    addition,
)


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("/v2/models/no/infer", "Request for unknown model: 'no' is not found"),
        (
            "/v2/models/adder/versions/9/infer",
            "Request for unknown model: 'adder' version 9 is not found",
        ),
    ],
)
async def test_name_that_is_not_served_is_not_found(
    client: httpx.AsyncClient, path: str, words: str
):
    response = await client.post(path, json=addition())

    assert (response.status_code, response.json()) == (404, {"error": words})


@pytest.mark.parametrize(
    "path",
    [
        "/v2/models/no",
        "/v2/models/no/config",
        "/v2/models/no/ready",
        "/v2/models/no/versions/1",
    ],
)
async def test_questions_about_a_name_that_is_not_served(
    client: httpx.AsyncClient, path: str
):
    response = await client.get(path)

    assert response.status_code == 404
    assert response.json()["error"].startswith("Request for unknown model: 'no'")


async def test_path_that_leads_nowhere_is_not_found(client: httpx.AsyncClient):
    response = await client.get("/v2/models/adder/")

    assert (response.status_code, response.json()) == (404, {"error": "Not Found"})


async def test_wrong_verb_is_said_to_be_wrong(client: httpx.AsyncClient):
    response = await client.get(ADD)

    assert response.json() == {"error": "Method Not Allowed"}
    assert (response.status_code, response.headers["allow"]) == (405, "POST")


@pytest.mark.parametrize(
    "error", [Overloaded("adder", 64, 1.5), NotReady("adder", 1.5)]
)
async def test_client_is_told_when_to_come_back(
    client: httpx.AsyncClient, service: FakeService, error: Exception
):
    service.error = error

    response = await client.post(ADD, json=addition())

    assert (response.status_code, response.headers["retry-after"]) == (503, "2")
    assert response.json() == {"error": str(error)}


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (BackendFailed("adder", "/etc/secret"), "'adder' failed on this request"),
        (RuntimeError("10.1.2.3:/etc/secret"), "internal error"),
        (KeyError("secret"), "internal error"),
    ],
)
async def test_failure_of_ours_is_told_without_its_cause(
    client: httpx.AsyncClient,
    service: FakeService,
    caplog: pytest.LogCaptureFixture,
    error: Exception,
    words: str,
):
    service.error = error

    with caplog.at_level(logging.ERROR):
        response = await client.post(ADD, json=addition())

    assert (response.status_code, response.json()) == (500, {"error": words})
    assert "secret" in caplog.text


async def test_refused_request_leaves_no_mark(
    client: httpx.AsyncClient, service: FakeService
):
    service.error = InvalidInput("adder", "no")
    await client.post(ADD, json=addition())
    service.error = None

    response = await client.post(ADD, json=addition())

    assert response.status_code == 200


async def test_client_that_leaves_takes_its_request_along(
    client: httpx.AsyncClient, service: FakeService
):
    service.gate.clear()
    asked = asyncio.create_task(client.post(ADD, json=addition()))
    await service.asked.wait()

    asked.cancel()
    await asyncio.wait([asked])

    assert service.cancelled.is_set()


async def test_client_that_leaves_while_sending_is_no_failure(
    service: FakeService, caplog: pytest.LogCaptureFixture
):
    app = build_http(service, Limits())
    scope = {
        **{"type": "http", "method": "POST", "path": ADD, "query_string": b""},
        **{"headers": [(b"content-length", b"100")]},
    }
    sent: list[Any] = []

    async def receive() -> Any:
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        sent.append(message)

    await app(scope, receive, send)

    assert sent[0]["status"] == 499
    assert not caplog.records
    assert not service.requests

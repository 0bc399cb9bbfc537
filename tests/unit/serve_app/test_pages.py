"""Pages about the API."""

import re

import httpx
import pytest
from starlette.routing import Route

from serve_app.http import Front, build_http
from serve_app.limits import Limits
from tests.fakes_protocol import FakeService

UNDOCUMENTED = {"/", "/v2/", "/docs", "/openapi.json"}


async def test_index_links_lead_somewhere(client: httpx.AsyncClient):
    links = (await client.get("/")).json()["links"]

    for name, path in links.items():
        assert (await client.get(path)).status_code == 200, name


async def test_page_needs_nothing_from_another_host(client: httpx.AsyncClient):
    page = (await client.get("/docs")).text

    assert "://" not in page
    for asset in re.findall(r'(?:src|href)="([^"]+)"', page):
        assert (await client.get(asset)).status_code == 200, asset


@pytest.mark.parametrize(
    "path", ["/docs/../http.py", "/docs/index.html", "/docs/%2e%2e/http.py"]
)
async def test_nothing_else_lies_beside_the_page(client: httpx.AsyncClient, path: str):
    response = await client.get(path)

    assert response.status_code == 404
    assert response.headers["content-type"] == "application/problem+json"


async def test_description_has_every_route_and_no_other(client: httpx.AsyncClient):
    app = build_http(FakeService(), Limits())
    assert isinstance(app, Front)
    served = {
        (route.path, verb.lower())
        for route in app.routes
        if isinstance(route, Route)
        for verb in (route.methods or set()) - {"HEAD"}
        if route.path not in UNDOCUMENTED and not route.path.startswith("/docs/")
    }

    paths = (await client.get("/openapi.json")).json()["paths"]

    assert {(path, verb) for path in paths for verb in paths[path]} == served


async def test_references_in_the_description_lead_somewhere(client: httpx.AsyncClient):
    response = await client.get("/openapi.json")

    description = response.json()
    references = set(re.findall(r'"\$ref":"#/([^"]+)"', response.text))
    assert references
    for reference in references:
        found = description
        for part in reference.split("/"):
            found = found[part]


async def test_operations_have_names_of_their_own(client: httpx.AsyncClient):
    paths = (await client.get("/openapi.json")).json()["paths"]

    names = [verb["operationId"] for path in paths.values() for verb in path.values()]

    assert len(names) == len(set(names))

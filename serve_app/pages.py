"""Pages about the API: the index, the OpenAPI text and its reader at /docs."""

from collections.abc import Sequence
from functools import cache
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path

import orjson
import yaml
from starlette.requests import Request as HttpRequest
from starlette.responses import FileResponse, HTMLResponse, Response
from starlette.routing import Route
from swagger_ui_bundle import swagger_ui_path

from serve_app.answers import answered, json_response, problem
from serve_app.oip.metadata import SERVER

ASSETS = ("swagger-ui.css", "swagger-ui-bundle.js", "favicon-32x32.png")
"""The files of swagger-ui that the page needs; nothing comes from another host."""

PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>Headwater API</title>
<link rel="stylesheet" href="/docs/swagger-ui.css">
<link rel="icon" href="/docs/favicon-32x32.png">
</head>
<body>
<div id="api"></div>
<script src="/docs/swagger-ui-bundle.js"></script>
<script>SwaggerUIBundle({url: "/openapi.json", dom_id: "#api"})</script>
</body>
</html>
"""


def page_routes() -> Sequence[Route]:
    """Every route of this module."""
    openapi = _openapi()

    async def index(request: HttpRequest) -> Response:
        return json_response(_index())

    async def text(request: HttpRequest) -> Response:
        return Response(openapi, media_type="application/json")

    async def docs(request: HttpRequest) -> Response:
        return HTMLResponse(PAGE)

    pages = {"/": index, "/openapi.json": text, "/docs": docs}
    return [
        *(Route(path, answered(handle, problem)) for path, handle in pages.items()),
        *(_asset(name) for name in ASSETS),
    ]


def _asset(name: str) -> Route:
    file = Path(str(swagger_ui_path)) / name

    async def asset(request: HttpRequest) -> Response:
        return FileResponse(file)

    return Route(f"/docs/{name}", answered(asset, problem))


def _index() -> dict[str, object]:
    return {
        "name": SERVER,
        "version": version(SERVER),
        "links": {
            "documentation": "/docs",
            "openapi": "/openapi.json",
            "pipelines": "/v1/pipelines",
            "models": "/v2/models",
            "ready": "/v2/health/ready",
        },
    }


@cache
def _openapi() -> bytes:
    text = files("serve_app").joinpath("openapi.yaml").read_text(encoding="utf-8")
    return orjson.dumps({**yaml.safe_load(text), "info": _info()})


def _info() -> dict[str, object]:
    return {
        "title": "Headwater",
        "version": version(SERVER),
        "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
    }

"""Routes for people: an image in, labels out, without knowing a protocol."""

import time
from collections.abc import Mapping

import numpy as np
from starlette.requests import Request as HttpRequest
from starlette.responses import Response
from starlette.routing import Route

from deployments.budget import size_bytes
from deployments.errors import InvalidInput, ModelNotFound
from deployments.messages import Contract, Parameter, Reply, Request, Tensor
from deployments.service import Service
from serve_app.answers import Endpoint, Handler, answered, json_response, problem
from serve_app.body import read_body
from serve_app.bounded import urgent
from serve_app.errors import UnsupportedMedia
from serve_app.limits import Limits
from serve_app.oip.http_codec import parse_object
from serve_app.oip.tensors import from_json, nested_shape, read_header, to_json

LABELLED = ("label", "class_index", "probability")
"""The outputs of a pipeline that ends in labels, each [rows, k]."""


class FriendlyRoutes:
    """Handlers over one service."""

    def __init__(self, service: Service, limits: Limits) -> None:
        self._service, self._limits = service, limits

    def run_routes(self) -> list[Route]:
        """The route that carries the traffic."""
        return [_route("/v1/pipelines/{pipeline}", self._run, "POST")]

    def routes(self) -> list[Route]:
        """Every other route under /v1/pipelines."""
        return [_route("/v1/pipelines", self._list, "GET")]

    async def _list(self, request: HttpRequest) -> Response:
        pipelines = [
            {"name": c.name, "title": c.title, "members": c.members}
            for c in self._service.contracts()
            if c.members
        ]
        return json_response({"pipelines": pipelines})

    async def _run(self, request: HttpRequest) -> Response:
        started = time.monotonic()
        contract = self._pipeline(request.path_params["pipeline"])
        parameters = _parameters(contract, request.query_params.get("k"))
        _refuse_form(request)
        with self._limits.budget.hold(contract.name) as held:
            body = await read_body(request, held, self._limits.max_body_bytes)
            asked = Request(contract.name, _read_inputs(contract, body), parameters)
            held.reach(size_bytes(asked.inputs))
            reply = await self._service.infer(urgent(request, asked, started))
        took_ms = round((time.monotonic() - started) * 1000, 2)
        told = {"parameters": dict(reply.parameters)} if reply.parameters else {}
        answer = {"pipeline": contract.name, **_write(contract, reply), **told}
        return json_response({**answer, "took_ms": took_ms})

    def _pipeline(self, name: str) -> Contract:
        contract = self._service.contract(name)
        if not contract.members:
            raise ModelNotFound(name)
        return contract


def _parameters(contract: Contract, k: str | None) -> Mapping[str, Parameter]:
    if k is None:
        return {}
    if not (k.isascii() and k.isdecimal() and len(k) < 10):
        raise InvalidInput(contract.name, f"k must be a whole number >= 1, got '{k}'")
    return {"k": int(k)}


def _refuse_form(request: HttpRequest) -> None:
    kind = request.headers.get("content-type", "").split(";")[0].strip().lower()
    if kind.startswith("multipart/"):
        raise UnsupportedMedia(
            kind, "send the file itself as the body, as `curl --data-binary @FILE` does"
        )


def _read_inputs(contract: Contract, body: bytes) -> Mapping[str, Tensor]:
    if not body:
        raise InvalidInput(contract.name, "the request body is empty")
    if [tensor.datatype for tensor in contract.inputs] == ["BYTES"]:
        image = np.empty(1, np.object_)
        image[0] = body
        return {contract.inputs[0].name: image}
    return _read_json(contract, body)


def _read_json(contract: Contract, body: bytes) -> Mapping[str, Tensor]:
    """`{"inputs": {name: nested list}}`; the pipeline knows the datatypes."""
    given = parse_object(contract.name, body).get("inputs")
    if not isinstance(given, dict):
        raise InvalidInput(
            contract.name, "the request must have inputs: an object of nested lists"
        )
    known = {tensor.name: tensor.datatype for tensor in contract.inputs}
    inputs = {}
    for name, data in given.items():
        if name not in known:
            raise InvalidInput(
                contract.name,
                f"unexpected inference input '{name}' for model '{contract.name}'",
            )
        header = read_header(contract.name, name, known[name], nested_shape(data))
        inputs[name] = from_json(header, data)
    return inputs


def _write(contract: Contract, reply: Reply) -> Mapping[str, object]:
    if set(LABELLED) <= reply.outputs.keys():
        # One body is one row.
        columns = [
            to_json(contract.name, name, reply.outputs[name][0]) for name in LABELLED
        ]
        rows = zip(*columns, strict=True)
        return {"labels": [dict(zip(LABELLED, row, strict=True)) for row in rows]}
    return {
        "outputs": {
            name: _nested(contract, name, tensor)
            for name, tensor in reply.outputs.items()
        }
    }


def _nested(contract: Contract, name: str, tensor: Tensor) -> object:
    flat = np.array(to_json(contract.name, name, tensor))
    return flat.reshape(tensor.shape).tolist()


def _route(path: str, handle: Handler, verb: str) -> Route:
    return Route(path, Endpoint(answered(handle, problem)), methods=[verb])

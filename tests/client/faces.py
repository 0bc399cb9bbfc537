"""The four Triton clients behind one face, and how an answer is judged."""

import http.client
import inspect
import json
from collections.abc import AsyncIterator, Awaitable
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import numpy as np
import tritonclient.grpc as triton_grpc  # type: ignore[import-not-found]
import tritonclient.grpc.aio as triton_grpc_aio  # type: ignore[import-not-found]
import tritonclient.http as triton_http  # type: ignore[import-not-found]
import tritonclient.http.aio as triton_http_aio  # type: ignore[import-not-found]
from tritonclient.utils import (  # type: ignore[import-not-found]
    InferenceServerException,
    triton_to_np_dtype,
)

MODEL_TIMEOUT_S = 60


@dataclass(frozen=True)
class Target:
    """What is asked, and about what."""

    http: str
    grpc: str
    model: str
    pipeline: str
    image: bytes
    operated: bool = False


@dataclass(frozen=True)
class Tensor:
    """One input or output, as the model's metadata has it."""

    name: str
    datatype: str
    shape: tuple[int, ...]


class Face:
    """One of the four clients; a call is awaited whether the client is async or not."""

    def __init__(
        self, name: str, kinds: ModuleType, client: Any, target: Target
    ) -> None:
        self.name, self.kinds, self.client, self.target = name, kinds, client, target
        self.over_http = "http" in name

    async def call(self, method: str, *args: Any, **kwargs: Any) -> Any:
        answer = getattr(self.client, method)(*args, **kwargs)
        return await answer if inspect.isawaitable(answer) else answer

    async def document(self, method: str, *args: Any) -> Any:
        """A metadata answer as plain JSON, whichever protocol it came by."""
        if self.over_http:
            return await self.call(method, *args)
        return await self.call(method, *args, as_json=True)

    async def tensors(self, model: str, side: str) -> list[Tensor]:
        metadata = await self.document("get_model_metadata", model)
        return [
            Tensor(t["name"], t["datatype"], tuple(map(int, t["shape"])))
            for t in metadata[side]
        ]

    def input(self, tensor: Tensor, value: np.ndarray, **how: Any) -> Any:
        given = self.kinds.InferInput(tensor.name, list(value.shape), tensor.datatype)
        given.set_data_from_numpy(value, **how)
        return given

    def output(self, name: str, **how: Any) -> Any:
        return self.kinds.InferRequestedOutput(name, **how)

    async def infer(self, inputs: list[Any], **how: Any) -> Any:
        model = how.pop("model", self.target.model)
        return await self.call("infer", model, inputs, **how)


def pixels(tensor: Tensor, rows: int) -> np.ndarray:
    """Rows that differ, the same every time; sizes that vary are 1."""
    shape = (rows, *(max(size, 1) for size in tensor.shape[1:]))
    draw = np.random.default_rng(rows)
    return draw.normal(size=shape).astype(triton_to_np_dtype(tensor.datatype))


def same(wanted: object, got: object) -> None:
    """Raise when two values differ."""
    if wanted != got:
        raise AssertionError(f"wanted {wanted!r}, got {got!r}")


def close(wanted: np.ndarray, got: np.ndarray) -> None:
    """Raise when two tensors differ by more than rounding."""
    same(wanted.shape, got.shape)
    np.testing.assert_allclose(got, wanted, rtol=1e-4, atol=1e-4)


async def refused(answer: Awaitable[Any], code: tuple[str, str], text: str) -> None:
    """Raise unless the server refuses with a code (HTTP, gRPC) and a text."""
    try:
        await answer
    except InferenceServerException as error:
        if not any(str(error.status()).endswith(word) for word in code):
            raise AssertionError(f"wanted one of {code}, got {error}") from None
        if text not in str(error.message()):
            raise AssertionError(f"wanted {text!r}, got {error}") from None
        return
    raise AssertionError(f"was not refused; wanted {text!r}")


async def streamed(face: Face, asked: list[dict[str, Any]]) -> list[Any]:
    """Result and error of every request, through one stream of either client."""
    if face.name.endswith("aio"):

        async def requests() -> AsyncIterator[dict[str, Any]]:
            for request in asked:
                yield request

        answers = face.client.stream_infer(requests())
        return [answer async for answer in answers]
    found: list[Any] = []
    face.client.start_stream(lambda result, error: found.append((result, error)))
    for request in asked:
        face.client.async_stream_infer(**request)
    face.client.stop_stream()  # waits for the answers
    return found


def fetch(target: Target, path: str, post: dict[str, str] | None = None) -> Any:
    """The JSON of one answer; the image is sent when there are headers to post."""
    connection = http.client.HTTPConnection(target.http, timeout=MODEL_TIMEOUT_S)
    verb, body = ("GET", None) if post is None else ("POST", target.image)
    connection.request(verb, path, body, post or {})
    response = connection.getresponse()
    content = response.read()
    length = response.getheader("Inference-Header-Content-Length")
    connection.close()
    return json.loads(content[: int(length)] if length else content)


def open_faces(target: Target) -> list[Face]:
    """HTTP and gRPC, blocking and asyncio."""
    kinds = {
        "http": (triton_http, target.http),
        "http.aio": (triton_http_aio, target.http),
        "grpc": (triton_grpc, target.grpc),
        "grpc.aio": (triton_grpc_aio, target.grpc),
    }
    return [
        Face(name, kind, kind.InferenceServerClient(address), target)
        for name, (kind, address) in kinds.items()
    ]

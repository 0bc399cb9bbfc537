"""A service with three names that needs no model: two models and a pipeline."""

import asyncio
from collections.abc import Mapping, Sequence

import numpy as np
from grpc import StatusCode

from deployments.contract import check
from deployments.errors import (
    InvalidInput,
    ModelNotFound,
    NoAvailableVersion,
    VersionNotFound,
)
from deployments.messages import (
    Contract,
    Parameter,
    Reply,
    Request,
    Tensor,
    TensorContract,
)
from deployments.statistics import Tally

CLASSES = 4
LIMIT_BYTES = 64 * 1024
"""The body limit of the front door in tests."""

JPEG = b"\xff\xd8 as good as a photo"
"""The fake pipeline takes whatever starts like a JPEG file."""

LABELS = ("tench", "goldfish", "great white shark", "tiger shark")

ADDER = Contract(
    name="adder",
    version="1",
    platform="test",
    inputs=(
        TensorContract("INPUT0", "INT32", (-1, 4)),
        TensorContract("INPUT1", "INT32", (-1, 4)),
    ),
    outputs=(
        TensorContract("SUM", "INT32", (-1, 4)),
        TensorContract("TEXT", "BYTES", (-1, 4)),
        TensorContract("HALF", "FP16", (-1, 4)),
    ),
    max_batch_size=8,
)

SCORER = Contract(
    name="scorer",
    version="3",
    platform="onnxruntime_onnx",
    inputs=(TensorContract("pixels", "FP32", (-1, 8, 8, 3)),),
    outputs=(TensorContract("logits", "FP32", (-1, CLASSES)),),
    max_batch_size=8,
    batch_wait_timeout_s=0.002,
    max_queue_size=64,
    labels=LABELS,
    properties={"variant": "int8-onnx"},
)

VISION = Contract(
    name="vision",
    version="1",
    platform="ensemble",
    inputs=(TensorContract("image", "BYTES", (-1,)),),
    outputs=(
        TensorContract("label", "BYTES", (-1, -1)),
        TensorContract("class_index", "INT64", (-1, -1)),
        TensorContract("probability", "FP32", (-1, -1)),
    ),
    max_batch_size=8,
    title="What is in the picture",
    alternatives=(TensorContract("image", "UINT8", (-1, -1, -1, 3)),),
    members=("scorer",),
)

TABULAR = Contract(
    name="tabular",
    version="1",
    platform="ensemble",
    inputs=(TensorContract("features", "FP32", (-1, 3)),),
    outputs=(TensorContract("probability", "FP32", (-1, 2)),),
    max_batch_size=8,
    members=("scorer",),
)


class FakeService:
    """Implements `deployments.service.Service`; answers follow from the input alone.

    Attributes:
        requests: every request that kept its contract.
        error: raised instead of answering, while set.
        gate: answers wait here while it is not set.
        gone: names that were unloaded.
        told: parameters of every reply.
        tallies: what was answered, by name.
    """

    def __init__(self) -> None:
        self.requests: list[Request] = []
        self.error: Exception | None = None
        self.is_ready = True
        self.asked = asyncio.Event()
        self.gate = asyncio.Event()
        self.gate.set()
        self.cancelled = asyncio.Event()
        self.gone: set[str] = set()
        self.told: dict[str, Parameter] = {}
        self._offers = {c.name: c for c in (VISION, TABULAR, ADDER, SCORER)}
        self.tallies = {name: Tally() for name in self._offers}

    def offer(self, contract: Contract) -> None:
        """Serve by this contract from now on."""
        self._offers[contract.name] = contract

    def contracts(self) -> Sequence[Contract]:
        return list(self._offers.values())

    def contract(self, name: str, version: str = "") -> Contract:
        if name not in self._offers:
            raise ModelNotFound(name)
        if version not in ("", self._offers[name].version):
            raise VersionNotFound(name, version)
        if name in self.gone:
            raise NoAvailableVersion(name)
        return self._offers[name]

    def versions(self, name: str) -> Sequence[str]:
        return [self.contract(name).version]

    async def ready(self, name: str = "", version: str = "") -> bool:
        if name:
            self.contract(name, version)
        return self.is_ready

    async def infer(self, request: Request, version: str = "") -> Reply:
        check(self.contract(request.model, version), request)
        self.requests.append(request)
        self.asked.set()
        await self._pass_gate()
        if self.error is not None:
            raise self.error
        self.tallies[request.model].count(
            len(next(iter(request.inputs.values()))), 1, is_well=True
        )
        return Reply(ANSWERS[request.model](request), self.told)

    async def _pass_gate(self) -> None:
        try:
            await self.gate.wait()
        except asyncio.CancelledError:
            self.cancelled.set()
            raise


class FakeContext:
    """Keeps what a gRPC method sets, as Ray Serve's context does."""

    def __init__(self) -> None:
        self.code: StatusCode | None = None
        self.details = ""
        self.trailing: list[tuple[str, str]] = []
        self.metadata: list[tuple[str, str]] = []

    def invocation_metadata(self) -> list[tuple[str, str]]:
        return self.metadata

    def set_code(self, code: StatusCode) -> None:
        self.code = code

    def set_details(self, details: str) -> None:
        self.details = details

    def set_trailing_metadata(self, trailing_metadata: list[tuple[str, str]]) -> None:
        self.trailing = trailing_metadata


def _add(request: Request) -> Mapping[str, Tensor]:
    total = request.inputs["INPUT0"] + request.inputs["INPUT1"]
    text = np.empty(total.shape, np.object_)
    for index in np.ndindex(*total.shape):
        # 255 is no UTF-8: an answer that JSON cannot hold.
        text[index] = b"\xff" if total[index] == 255 else str(total[index]).encode()
    return {"SUM": total, "TEXT": text, "HALF": total.astype(np.float16)}


def _score(request: Request) -> Mapping[str, Tensor]:
    pixels = request.inputs["pixels"]
    return {"logits": pixels.reshape(len(pixels), -1)[:, :CLASSES].astype(np.float32)}


def _see(request: Request) -> Mapping[str, Tensor]:
    """Class i has probability (i + 1) / 10; the best k of them."""
    if not all(image.startswith(JPEG[:2]) for image in request.inputs["image"]):
        raise InvalidInput("vision", "input 'image' is not an image")
    rows, k = len(request.inputs["image"]), int(request.parameters.get("k", 2))
    index = np.tile(np.arange(CLASSES)[::-1][:k], (rows, 1))
    labels = np.array([label.encode() for label in LABELS], np.object_)
    return {
        "label": labels[index],
        "class_index": index.astype(np.int64),
        "probability": ((index + 1) / 10).astype(np.float32),
    }


def _weigh(request: Request) -> Mapping[str, Tensor]:
    return {"probability": request.inputs["features"][:, :2].copy()}


ANSWERS = {"adder": _add, "scorer": _score, "vision": _see, "tabular": _weigh}

"""The forms in which the same FP32 tensor is sent to a peer. Pure."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from benchmarks import payloads
from benchmarks.contenders import INFER, Subject, Work, class_of_grpc, grpc_message
from benchmarks.facts import GrpcTarget, HttpTarget, SubjectFact, Target
from benchmarks.payloads import Payload

_BOUNDARY = "headwater-7d2f4c9a1b"

Encode = Callable[[Work, str], Payload]
"""The request's body and headers, given the name of the model's input."""
ClassOf = Callable[[bytes, Mapping[str, str]], int]


@dataclass(frozen=True, slots=True)
class Door:
    """One way into a peer; `path` is an HTTP path, or None for gRPC."""

    slug: str
    title: str
    path: str | None
    encode: Encode
    class_of: ClassOf


def raw(path: str, note: str = "") -> Door:
    """The tensor's bytes as the body, the logits' bytes as the answer."""
    title = "HTTP raw tensor" + (f", {note}" if note else "")
    return Door("raw", title, path, _encode_raw, _class_of_raw)


def oip_http(model: str) -> Door:
    """Open Inference Protocol with the binary tensor extension."""
    path = f"/v2/models/{model}/infer"
    title = "HTTP binary tensor"
    return Door("http", title, path, _encode_oip, payloads.class_of_oip_binary)


def oip_grpc(model: str) -> Door:
    """Open Inference Protocol over gRPC with a raw tensor."""

    def encode(work: Work, name: str) -> Payload:
        return Payload(grpc_message(model, name, work.tensor()), {})

    return Door("grpc", "gRPC raw tensor", None, encode, class_of_grpc)


def upload(path: str, field: str) -> Door:
    """A form with the tensor's bytes as a file; the answer is a JSON list of rows."""

    def encode(work: Work, _: str) -> Payload:
        return form(field, work.tensor().tobytes())

    return Door("upload", "HTTP file upload, batched", path, encode, _class_of_rows)


def form(field: str, content: bytes) -> Payload:
    """A multipart form with one file."""
    head = (
        f"--{_BOUNDARY}\r\n"
        f'Content-Disposition: form-data; name="{field}"; filename="{field}.bin"\r\n'
        "Content-Type: application/octet-stream\r\n\r\n"
    )
    body = head.encode() + content + f"\r\n--{_BOUNDARY}--\r\n".encode()
    return Payload(body, {"Content-Type": f"multipart/form-data; boundary={_BOUNDARY}"})


def subject(
    work: Work, peer: str, title: str, door: Door, ports: tuple[int, int]
) -> Subject:
    """What is sent through one door of a peer; `ports` are those of HTTP and gRPC."""
    name = work.blueprint.cards[work.model].inputs[0].name
    payload = door.encode(work, name)
    fact = SubjectFact(
        id=f"{peer}-{door.slug}",
        title=f"{title}, {door.title}",
        group="model",
        role="peer",
        request_bytes=len(payload.body),
    )
    return Subject(fact, _target(door, payload, ports), payload.body, door.class_of)


def _target(door: Door, payload: Payload, ports: tuple[int, int]) -> Target:
    http, grpc = ports
    if door.path is None:
        return GrpcTarget(address=f"127.0.0.1:{grpc}", method=INFER)
    url = f"http://127.0.0.1:{http}{door.path}"
    return HttpTarget(url=url, headers=payload.headers)


def _encode_raw(work: Work, _: str) -> Payload:
    return payloads.raw(work.tensor().tobytes())


def _encode_oip(work: Work, name: str) -> Payload:
    return payloads.oip_floats(name, work.tensor())


def _class_of_raw(content: bytes, _: Mapping[str, str]) -> int:
    return payloads.class_of_logits(content)


def _class_of_rows(content: bytes, _: Mapping[str, str]) -> int:
    return int(np.argmax(json.loads(content)[0]))

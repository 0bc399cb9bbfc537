"""The requests that are sent, and what a right answer to them is. Pure but for numpy.

Wire formats: Open Inference Protocol v2 with the binary tensor data extension.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from io import BytesIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from configs.model import ImageSpec
from models.imaging import Pixels, crop, decode, normalise

Floats = NDArray[np.float32]

HEADER_LENGTH = "Inference-Header-Content-Length"
_MAX_PIXELS = 40_000_000


@dataclass(frozen=True, slots=True)
class Payload:
    """A body and the headers that explain it."""

    body: bytes
    headers: Mapping[str, str]


def as_jpeg(photo: bytes) -> bytes:
    """A photo as the JPEG that is sent; one that is a JPEG stays as it is."""
    if photo.startswith(b"\xff\xd8\xff"):
        return photo
    encoded = BytesIO()
    decoded: Image.Image = decode(photo, _MAX_PIXELS)
    decoded.save(encoded, "JPEG", quality=90)
    return encoded.getvalue()


def model_input(photo: bytes, image: ImageSpec) -> Floats:
    """The photo as a model's input, [1, 3, s, s]."""
    return normalise(crop(decode(photo, _MAX_PIXELS), image)[None], image)


def model_crop(photo: bytes, image: ImageSpec) -> Pixels:
    """The photo as pixels that the model normalises itself, [1, s, s, 3]."""
    return crop(decode(photo, _MAX_PIXELS), image)[None]


def raw(body: bytes) -> Payload:
    """Bytes as they are."""
    return Payload(body, {"Content-Type": "application/octet-stream"})


def oip_floats(name: str, tensor: Floats) -> Payload:
    """One FP32 tensor as binary data, all outputs wanted as binary data."""
    return _oip(name, "FP32", list(tensor.shape), tensor.tobytes(), binary=True)


def oip_pixels(name: str, tensor: Pixels) -> Payload:
    """One UINT8 tensor as binary data, all outputs wanted as binary data."""
    return _oip(name, "UINT8", list(tensor.shape), tensor.tobytes(), binary=True)


def oip_photo(name: str, photo: bytes) -> Payload:
    """One encoded photo as a BYTES tensor, outputs wanted as JSON."""
    content = len(photo).to_bytes(4, "little") + photo
    return _oip(name, "BYTES", [1], content, binary=False)


def class_of_logits(content: bytes) -> int:
    """The most probable class of raw FP32 logits of one row."""
    return int(np.frombuffer(content, np.float32).argmax())


def class_of_oip_binary(content: bytes, headers: Mapping[str, str]) -> int:
    """The most probable class of an answer with one binary FP32 output."""
    return class_of_logits(content[int(headers[HEADER_LENGTH]) :])


def class_of_oip_json(content: bytes) -> int:
    """The first class of a JSON answer with an output `class_index`."""
    for output in json.loads(content)["outputs"]:
        if output["name"] == "class_index":
            return int(np.ravel(output["data"])[0])
    raise ValueError("no output class_index")


def class_of_labels(content: bytes) -> int:
    """The first class of the friendly route's answer."""
    return int(json.loads(content)["labels"][0]["class_index"])


def class_of_plain(content: bytes) -> int:
    """The first class of the plain pipeline's answer."""
    return int(json.loads(content)["class_index"][0])


def _oip(
    name: str, datatype: str, shape: list[int], content: bytes, *, binary: bool
) -> Payload:
    tensor = {
        "name": name,
        "datatype": datatype,
        "shape": shape,
        "parameters": {"binary_data_size": len(content)},
    }
    asked = {"inputs": [tensor], "parameters": {"binary_data_output": binary}}
    header = json.dumps(asked).encode()
    return Payload(header + content, {HEADER_LENGTH: str(len(header))})

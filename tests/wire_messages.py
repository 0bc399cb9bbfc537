"""Requests of the Open Inference Protocol to the fake service, as they are sent."""

from typing import Any

import httpx
import numpy as np
import orjson

ADD = "/v2/models/adder/infer"
SCORE = "/v2/models/scorer/infer"
SEE = "/v2/models/vision/infer"
LENGTH = "Inference-Header-Content-Length"


def number(name: str, *values: int) -> dict[str, Any]:
    return {"name": name, "datatype": "INT32", "shape": [1, 4], "data": list(values)}


def addition(**more: Any) -> dict[str, Any]:
    inputs = [number("INPUT0", 1, 2, 3, 4), number("INPUT1", 10, 20, 30, 40)]
    return {"inputs": inputs, "outputs": [{"name": "SUM"}], **more}


def packed(message: dict[str, Any], *tails: bytes) -> tuple[bytes, dict[str, str]]:
    """A body of JSON and tensors, and the header that says where the JSON ends."""
    head = orjson.dumps(message)
    return b"".join([head, *tails]), {LENGTH: str(len(head))}


def unpacked(response: httpx.Response) -> tuple[dict[str, Any], bytes]:
    length = int(response.headers[LENGTH])
    return orjson.loads(response.content[:length]), response.content[length:]


def binary_input(name: str, tensor: np.ndarray, datatype: str) -> dict[str, Any]:
    return {
        "name": name,
        "datatype": datatype,
        "shape": list(tensor.shape),
        "parameters": {"binary_data_size": tensor.nbytes},
    }


PIXELS = np.arange(192, dtype=np.float32).reshape(1, 8, 8, 3)


def scoring(**more: Any) -> dict[str, Any]:
    return {"inputs": [binary_input("pixels", PIXELS, "FP32")], **more}

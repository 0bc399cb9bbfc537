"""Bad input gets a clear 4xx on both protocols and disturbs nobody."""

import concurrent.futures

import grpc
import httpx
import numpy as np
import pytest

from serve_app.oip import inference_pb2 as pb
from tests.e2e import photos
from tests.e2e.calls import (
    TIMEOUT_S,
    ask_json,
    ask_photo_http,
    ask_photos_grpc,
    bytes_tensor,
    grpc_stub,
)

FEATURES = {"name": "features", "datatype": "FP32", "shape": [1, 4]}
INTERNALS = ("Traceback", "/site-packages", "ray::", "127.0.0.1", ".py")


def tiny(**changes):
    """A good JSON request to the tiny pipeline, with changes."""
    return {"inputs": [{**FEATURES, "data": [1, 2, 3, 4], **changes}]}


def assert_refused(answer, status, text):
    assert (answer.status_code, text in answer.text) == (status, True), answer.text
    assert not [word for word in INTERNALS if word in answer.text]


@pytest.mark.parametrize("name", [n for n in photos.BAD if n != "no bytes"])
def test_bad_photo_is_refused_over_http(fused, name):
    content, text = photos.BAD[name]

    answer = ask_photo_http(fused.http, content)

    assert_refused(answer, 400, text)
    assert answer.headers["content-type"] == "application/problem+json"


def test_empty_body_is_refused(fused):
    assert_refused(ask_photo_http(fused.http, b""), 400, "body is empty")


@pytest.mark.parametrize("name", photos.BAD)
def test_bad_photo_is_refused_over_grpc(fused, name):
    content, text = photos.BAD[name]

    with pytest.raises(grpc.RpcError) as refused:
        ask_photos_grpc(grpc_stub(fused.grpc), content)

    assert refused.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert refused.value.details() == f"image 0: {text}"


CASES = {
    "datatype": (
        tiny(datatype="INT32"),
        "data-type is 'INT32', but model 'tiny' expects 'FP32'",
    ),
    "datatype word": (tiny(datatype="FLOAT"), "invalid datatype for input features"),
    "shape": (
        tiny(shape=[1, 2], data=[1, 2]),
        "unexpected shape for input 'features' for model 'tiny'. Expected [-1,4]",
    ),
    "name": (tiny(name="nope"), "unexpected inference input 'nope' for model 'tiny'"),
    "rows": (
        tiny(shape=[9, 4], data=[0] * 36),
        "inference request batch-size must be <= 8 for 'tiny'",
    ),
    "no rows": (tiny(shape=[0, 4], data=[]), "has no rows"),
    "length": (tiny(data=[1, 2, 3]), "must have 4 elements"),
    "no inputs": ({"inputs": []}, "input"),
    "output": (
        {**tiny(), "outputs": [{"name": "NOPE"}]},
        "unexpected inference output 'NOPE' for model 'tiny'",
    ),
    "parameter": ({**tiny(), "parameters": {"k": 99}}, "must be a whole number from 1"),
}


@pytest.mark.parametrize("name", CASES)
def test_bad_request_is_refused_over_http(fused, name):
    body, text = CASES[name]

    assert_refused(ask_json(fused.http, "tiny", body), 400, text)


def infer(fused, rows, shape=None, datatype="FP32", name="features", model="tiny"):
    request = pb.ModelInferRequest(model_name=model)
    request.inputs.add(name=name, datatype=datatype, shape=shape or rows.shape)
    request.raw_input_contents.append(rows.tobytes())
    with pytest.raises(grpc.RpcError) as refused:
        grpc_stub(fused.grpc).ModelInfer(request, timeout=TIMEOUT_S)
    return refused.value


ROW = np.ones((1, 4), np.float32)


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ({"rows": ROW.astype(np.int32), "datatype": "INT32"}, "data-type is 'INT32'"),
        ({"rows": ROW[:, :2]}, "unexpected shape for input 'features'"),
        ({"rows": ROW, "name": "nope"}, "unexpected inference input 'nope'"),
        ({"rows": np.ones((9, 4), np.float32)}, "batch-size must be <= 8 for 'tiny'"),
        ({"rows": ROW, "shape": [1, 5]}, "features"),
        ({"rows": ROW, "shape": [1, -4]}, "features"),
        ({"rows": ROW * np.float32(np.nan)}, "holds NaN or infinity"),
        ({"rows": ROW * np.float32(np.inf)}, "holds NaN or infinity"),
    ],
)
def test_bad_request_is_refused_over_grpc(fused, arguments, text):
    refused = infer(fused, **arguments)

    assert refused.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert text in refused.details()


def test_unknown_model_and_version_are_not_found_over_grpc(fused):
    refused = infer(fused, ROW, model="nope")

    assert refused.code() is grpc.StatusCode.NOT_FOUND
    assert refused.details() == "Request for unknown model: 'nope' is not found"


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("nope", "Request for unknown model: 'nope' is not found"),
        (
            "tiny/versions/9",
            "Request for unknown model: 'tiny' version 9 is not found",
        ),
    ],
)
def test_unknown_model_and_version_are_not_found_over_http(fused, path, text):
    assert_refused(ask_json(fused.http, path, tiny()), 404, text)


def post(fused, content, path="tiny", **headers):
    return httpx.post(
        f"{fused.http}/v2/models/{path}/infer",
        content=content,
        headers={name.replace("_", "-"): value for name, value in headers.items()},
        timeout=TIMEOUT_S,
    )


@pytest.mark.parametrize(
    "content",
    [
        b"not json",
        b"[" * 10_000 + b"]" * 10_000,
        b'{"inputs":' + b"[" * 10_000 + b"]" * 10_000 + b"}",
        b'{"inputs": 5}',
        b"[]",
        b"\xff\xfe",
        b'{"inputs":[{"name":"features","datatype":"FP32","shape":[1,4],'
        b'"data":[1,2,3,NaN]}]}',
    ],
)
def test_body_that_is_no_request_is_refused(fused, content):
    answer = post(fused, content)

    assert answer.status_code == 400
    assert list(answer.json()) == ["error"]


@pytest.mark.parametrize("length", ["-1", "many", "100000", "3"])
def test_lying_header_length_is_refused(fused, length):
    answer = post(
        fused, b'{"inputs":[]}' + b"\0" * 16, Inference_Header_Content_Length=length
    )

    assert answer.status_code == 400
    assert list(answer.json()) == ["error"]


@pytest.mark.parametrize("number", [np.nan, np.inf, -np.inf])
def test_binary_number_that_is_not_finite_is_refused_over_http(fused, number):
    head = (
        b'{"inputs":[{"name":"features","datatype":"FP32","shape":[1,4],'
        b'"parameters":{"binary_data_size":16}}]}'
    )
    rows = np.array([1, 2, 3, number], np.float32)

    answer = post(
        fused, head + rows.tobytes(), Inference_Header_Content_Length=str(len(head))
    )

    assert_refused(answer, 400, "holds NaN or infinity")


def test_body_over_the_limit_is_refused_before_it_is_read(fused):
    answer = post(fused, b"\0" * (33 * 2**20))

    assert_refused(answer, 413, "request body must be at most 33554432 bytes")


def test_grpc_message_over_the_limit_is_refused(fused):
    rows = np.zeros((9 * 2**20, 1), np.float32)

    refused = infer(fused, rows, shape=[1, 4])

    assert refused.code() is grpc.StatusCode.RESOURCE_EXHAUSTED


def test_one_bad_photo_refuses_its_request_and_is_counted(fused, cat):
    tensor = bytes_tensor(cat, b"no photo")
    head = (
        b'{"inputs":[{"name":"image","datatype":"BYTES","shape":[2],'
        b'"parameters":{"binary_data_size":%d}}]}' % len(tensor)
    )

    answer = post(
        fused, head + tensor, "vision", Inference_Header_Content_Length=str(len(head))
    )

    assert_refused(answer, 400, "image 1: not a JPEG, PNG, WebP or BMP file")


def test_neighbours_of_bad_requests_get_their_answers(fused, cat):
    bad = [content for content, _ in photos.BAD.values()]
    contents = [bad[i % len(bad)] if i % 2 else cat for i in range(48)]

    with concurrent.futures.ThreadPoolExecutor(16) as clients:
        answers = list(clients.map(lambda c: ask_photo_http(fused.http, c), contents))

    statuses = [answer.status_code for answer in answers]
    assert statuses == [400 if i % 2 else 200 for i in range(48)]
    best = {a.json()["labels"][0]["class_index"] for a in answers[::2]}
    assert len(best) == 1

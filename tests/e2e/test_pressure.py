"""Back-pressure and cancellation, seen from outside."""

import concurrent.futures
import json
import socket
import time

import grpc
import httpx
import numpy as np
import pytest

from serve_app.oip import inference_pb2 as pb
from tests.e2e.calls import TIMEOUT_S, ask_photo_http, grpc_stub

BURST = 64
LITE2 = "/v2/models/efficientnet-lite2/infer"
LENGTH = "Inference-Header-Content-Length"


def rows_request():
    request = pb.ModelInferRequest(model_name="efficientnet-lite2")
    rows = np.zeros((8, 3, 260, 260), np.float32)
    request.inputs.add(name="input", datatype="FP32", shape=rows.shape)
    request.raw_input_contents.append(rows.tobytes())
    return request


def ask_rows(stub):
    try:
        stub.ModelInfer(rows_request(), timeout=TIMEOUT_S)
    except grpc.RpcError as error:
        return error
    return None


def test_full_queue_refuses_and_says_when_to_come_back(fused):
    stub = grpc_stub(fused.grpc)

    with concurrent.futures.ThreadPoolExecutor(BURST * 2) as clients:
        answers = list(clients.map(lambda _: ask_rows(stub), range(BURST * 2)))

    refused = [answer for answer in answers if answer is not None]
    assert refused, "128 requests of 8 rows must overflow two queues of 256 rows"
    assert len(refused) < len(answers)
    assert {error.code() for error in refused} == {grpc.StatusCode.UNAVAILABLE}
    assert all("Exceeds maximum queue size" in e.details() for e in refused)
    trailing = dict(refused[0].trailing_metadata())
    assert int(trailing["retry-after"]) >= 1


def test_clients_that_leave_free_the_queue(fused):
    stub = grpc_stub(fused.grpc)
    asked = [stub.ModelInfer.future(rows_request()) for _ in range(BURST * 2)]
    while not any(call.done() for call in asked):
        time.sleep(0.01)

    for call in asked:
        call.cancel()
    time.sleep(0.5)

    # What had been queued takes seconds to compute; it would still fill the queues.
    assert [ask_rows(stub) for _ in range(4)] == [None] * 4


def pixels_body(crops):
    """Crops for efficientnet-lite2, and the header that says where they begin."""
    rows = np.zeros((crops, 260, 260, 3), np.uint8)
    tensor = {
        **{"name": "input", "datatype": "UINT8", "shape": rows.shape},
        "parameters": {"binary_data_size": rows.nbytes},
    }
    head = json.dumps({"inputs": [tensor]}).encode()
    return head + rows.tobytes(), {LENGTH: str(len(head))}


def test_full_queue_refuses_over_http_and_says_when_to_come_back(fused):
    body, headers = pixels_body(8)
    everybody = httpx.Limits(max_connections=None)
    with httpx.Client(timeout=TIMEOUT_S, limits=everybody) as client:

        def ask(_):
            return client.post(fused.http + LITE2, content=body, headers=headers)

        with concurrent.futures.ThreadPoolExecutor(BURST * 2) as clients:
            answers = list(clients.map(ask, range(BURST * 2)))

    refused = [answer for answer in answers if answer.status_code == 503]
    assert refused
    assert {answer.status_code for answer in answers} == {200, 503}
    assert all("Exceeds maximum queue size" in a.json()["error"] for a in refused)
    assert all(int(answer.headers["retry-after"]) >= 1 for answer in refused)


def test_http_clients_that_leave_free_the_queue(fused):
    # Of a request beyond its buffer of 1 MiB HAProxy does not tell that the client left.
    body, headers = pixels_body(4)
    host, port = fused.http.removeprefix("http://").split(":")
    lines = [f"POST {LITE2} HTTP/1.1", f"Host: {host}", f"Content-Length: {len(body)}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    message = "\r\n".join([*lines, "", ""]).encode() + body

    def ask():
        return httpx.post(
            fused.http + LITE2, content=body, headers=headers, timeout=TIMEOUT_S
        )

    idle_s = ask().elapsed.total_seconds()
    leaving = [socket.create_connection((host, int(port))) for _ in range(BURST * 2)]
    for one in leaving:
        one.sendall(message)
    time.sleep(0.5)  # more than the tenth of a second after which a client is missed
    for one in leaving:
        one.close()
    time.sleep(0.5)

    # What they left behind would take two replicas as long as BURST requests.
    assert ask().elapsed.total_seconds() < idle_s * BURST / 4


def test_bad_neighbours_in_a_batch_harm_nobody(fused, cat):
    wanted = ask_photo_http(fused.http, cat).json()["labels"]
    bad = [b"no photo", cat[: len(cat) // 2]]

    with concurrent.futures.ThreadPoolExecutor(BURST) as clients:
        answers = list(
            clients.map(
                lambda n: ask_photo_http(fused.http, bad[n % 4] if n % 4 < 2 else cat),
                range(BURST),
            )
        )

    codes = [answer.status_code for answer in answers]
    assert codes == [400, 400, 200, 200] * (BURST // 4)
    for answer in answers[2::4] + answers[3::4]:
        got = answer.json()["labels"]
        assert [one["label"] for one in got] == [one["label"] for one in wanted]
        assert [one["probability"] for one in got] == pytest.approx(
            [one["probability"] for one in wanted], abs=1e-5
        )


@pytest.mark.parametrize("part", [0.3, 0.9])
def test_client_that_leaves_while_sending_harms_nobody(fused, cat, part):
    host, port = fused.http.removeprefix("http://").split(":")
    head = f"POST /v1/pipelines/vision HTTP/1.1\r\nHost: {host}\r\n".encode()
    head += f"Content-Length: {len(cat)}\r\n\r\n".encode()
    with socket.create_connection((host, int(port))) as leaving:
        leaving.sendall(head + cat[: int(part * len(cat))])

    assert ask_photo_http(fused.http, cat).status_code == 200

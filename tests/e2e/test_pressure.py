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
from tests.tiny_models import SLOW

SLOW_ROUTE = f"/v2/models/{SLOW}/infer"

BURST = 64
SLOW_BURST = 2 * BURST
ROUNDS = 20
"""Work of a slow row, 0.2 to 1 s of a core; two replicas hold 2 x (1 + 16) of them."""
LONG = 3 * ROUNDS
SOME = 12
"""Slow rows that fit in the queue of one replica, not beside what another burst left."""


def slow_grpc(rounds=ROUNDS):
    request = pb.ModelInferRequest(model_name=SLOW)
    request.inputs.add(name="rounds", datatype="INT64", shape=[1, 1])
    request.raw_input_contents.append(np.int64(rounds).tobytes())
    return request


def slow_http(rounds=ROUNDS):
    tensor = {"name": "rounds", "datatype": "INT64", "shape": [1, 1], "data": [rounds]}
    return json.dumps({"inputs": [tensor]}).encode()


def at_once(count, ask):
    """What `count` clients get that all ask at the same time."""
    with concurrent.futures.ThreadPoolExecutor(count) as clients:
        return list(clients.map(lambda _: ask(), range(count)))


def ask_slow_grpc(stub):
    try:
        stub.ModelInfer(slow_grpc(), timeout=TIMEOUT_S)
    except grpc.RpcError as error:
        return error
    return None


@pytest.fixture
def ask_slow_http(fused):
    limits = httpx.Limits(max_connections=None)
    with httpx.Client(timeout=TIMEOUT_S, limits=limits) as client:
        yield lambda: client.post(fused.http + SLOW_ROUTE, content=slow_http())


def test_full_queue_refuses_and_says_when_to_come_back(fused):
    stub = grpc_stub(fused.grpc)

    answers = at_once(SLOW_BURST, lambda: ask_slow_grpc(stub))

    refused = [answer for answer in answers if answer is not None]
    assert 0 < len(refused) < len(answers)
    assert {error.code() for error in refused} == {grpc.StatusCode.UNAVAILABLE}
    assert all("Exceeds maximum queue size" in e.details() for e in refused)
    trailing = dict(refused[0].trailing_metadata())
    assert int(trailing["retry-after"]) >= 1


def test_clients_that_leave_free_the_queue(fused):
    stub = grpc_stub(fused.grpc)
    asked = [stub.ModelInfer.future(slow_grpc(LONG)) for _ in range(SLOW_BURST)]
    while not any(call.done() for call in asked):
        time.sleep(0.01)

    for call in asked:
        call.cancel()
    time.sleep(0.5)

    assert at_once(SOME, lambda: ask_slow_grpc(stub)) == [None] * SOME


def test_full_queue_refuses_over_http_and_says_when_to_come_back(ask_slow_http):
    answers = at_once(SLOW_BURST, ask_slow_http)

    refused = [answer for answer in answers if answer.status_code == 503]
    assert {answer.status_code for answer in answers} == {200, 503}
    assert all("Exceeds maximum queue size" in a.json()["error"] for a in refused)
    assert all(int(answer.headers["retry-after"]) >= 1 for answer in refused)


def test_http_clients_that_leave_free_the_queue(fused, ask_slow_http):
    # Of a request beyond its buffer of 1 MiB HAProxy does not tell that the client left.
    host, port = fused.http.removeprefix("http://").split(":")
    body = slow_http(LONG)
    lines = [f"POST {SLOW_ROUTE} HTTP/1.1", f"Host: {host}"]
    lines += [f"Content-Length: {len(body)}", "", ""]
    message = "\r\n".join(lines).encode() + body
    leaving = [socket.create_connection((host, int(port))) for _ in range(SLOW_BURST)]
    for one in leaving:
        one.sendall(message)
    time.sleep(0.5)  # more than the tenth of a second after which a client is missed
    for one in leaving:
        one.close()
    time.sleep(0.5)

    answers = at_once(SOME, ask_slow_http)

    assert {answer.status_code for answer in answers} == {200}


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

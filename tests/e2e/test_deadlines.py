"""Deadlines and priorities through the real doors."""

import json

import grpc
import httpx
import numpy as np
import pytest

from serve_app.oip import inference_pb2 as pb
from tests.e2e.calls import TIMEOUT_S, grpc_stub
from tests.tiny_models import SLOW

HEADER = "x-request-timeout-ms"
LONG = 60
"""Rounds of the slow model: half a second at the least, on any machine."""


def body(rounds, **parameters):
    tensor = {"name": "rounds", "datatype": "INT64", "shape": [1, 1], "data": [rounds]}
    return json.dumps({"inputs": [tensor], "parameters": parameters}).encode()


def message(rounds):
    request = pb.ModelInferRequest(model_name=SLOW)
    request.inputs.add(name="rounds", datatype="INT64", shape=[1, 1])
    request.raw_input_contents.append(np.int64(rounds).tobytes())
    return request


def ask(fused, content, **headers):
    return httpx.post(
        f"{fused.http}/v2/models/{SLOW}/infer",
        content=content,
        headers={name.replace("_", "-"): value for name, value in headers.items()},
        timeout=TIMEOUT_S,
    )


def test_deadline_that_is_far_away_changes_nothing(fused):
    answer = ask(fused, body(1, priority=1, timeout=60_000_000), **{HEADER: "60000"})

    assert answer.status_code == 200


@pytest.mark.parametrize("within_ms", ["0", "20"])
def test_http_request_that_cannot_be_in_time_is_a_504(fused, within_ms):
    answer = ask(fused, body(LONG), **{HEADER: within_ms})

    assert answer.status_code == 504
    assert answer.json()["error"]


def test_grpc_call_that_cannot_be_in_time_is_deadline_exceeded(fused):
    with pytest.raises(grpc.RpcError) as refused:
        grpc_stub(fused.grpc).ModelInfer(
            message(LONG), timeout=TIMEOUT_S, metadata=[(HEADER, "0")]
        )

    assert refused.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
    assert f"'{SLOW}'" in refused.value.details()


def test_nonsense_is_a_bad_request(fused):
    assert ask(fused, body(1, priority=-1)).status_code == 400
    assert ask(fused, body(1, timeout="soon")).status_code == 400
    assert ask(fused, body(1), **{HEADER: "soon"}).status_code == 400


def test_priority_that_does_not_exist_is_served_as_any_other(fused):
    assert ask(fused, body(1, priority=99)).status_code == 200

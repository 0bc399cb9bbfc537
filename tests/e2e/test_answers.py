"""The main job: real weights, real HTTP and gRPC, the same answers on both."""

import concurrent.futures

import grpc
import httpx
import numpy as np
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import (
    ProtoReflectionDescriptorDatabase,
)

from models.imaging import decode
from tests.e2e import photos
from tests.e2e.calls import (
    ask_json,
    ask_photo_http,
    ask_photos_grpc,
    ask_rows_grpc,
    grpc_stub,
    output,
)
from tests.tiny_models import tiny_logits

ROWS = np.array([[1, 2, 3, 4], [-1, 0, 1, 0.5]], np.float32)


def test_cat_on_a_photo_is_named(fused, cat):
    labels = ask_photo_http(fused.http, cat).json()["labels"]

    assert {"tabby", "tiger cat", "Egyptian cat"} & {labels[0]["label"]}
    assert [label["probability"] for label in labels] == sorted(
        (label["probability"] for label in labels), reverse=True
    )


def test_http_and_grpc_give_the_same_answer(fused, cat):
    over_http = ask_photo_http(fused.http, cat).json()["labels"]
    over_grpc = ask_photos_grpc(grpc_stub(fused.grpc), cat)

    indices = np.frombuffer(over_grpc.raw_output_contents[1], np.int64)
    probabilities = np.frombuffer(over_grpc.raw_output_contents[2], np.float32)
    assert [label["class_index"] for label in over_http] == indices.tolist()
    assert [label["probability"] for label in over_http] == pytest.approx(
        probabilities.tolist(), rel=1e-6
    )


@pytest.mark.parametrize("name", photos.GOOD)
def test_every_kind_of_photo_is_taken(fused, name):
    answer = ask_photo_http(fused.http, photos.GOOD[name])

    assert answer.status_code == 200
    assert len(answer.json()["labels"]) == 5


@pytest.mark.parametrize("name", photos.GOOD)
def test_every_kind_of_photo_is_taken_over_grpc(fused, name):
    answer = ask_photos_grpc(grpc_stub(fused.grpc), photos.GOOD[name])

    assert [list(output.shape) for output in answer.outputs] == [[1, 5]] * 3


def test_photo_turned_by_exif_is_answered_like_the_upright_one(fused):
    turned = ask_photo_http(fused.http, photos.GOOD["turned"]).json()
    upright = np.asarray(decode(photos.GOOD["turned"], 10_000))
    body = {
        "inputs": [
            {
                "name": "image",
                "datatype": "UINT8",
                "shape": [1, *upright.shape],
                "data": upright.ravel().tolist(),
            }
        ]
    }

    ready = ask_json(fused.http, "vision", body)

    wanted = [label["class_index"] for label in turned["labels"]]
    assert output(ready, "class_index")[0] == wanted


def test_member_answers_logits_by_its_own_name(fused):
    rows = np.zeros((2, 3, 224, 224), np.float32)

    logits = ask_rows_grpc(grpc_stub(fused.grpc), "efficientnet-lite0", "input", rows)

    assert logits.shape == (2, 1000)
    assert np.allclose(logits[0], logits[1], atol=1e-4)


def test_tiny_model_answers_what_its_weights_say(fused):
    logits = ask_rows_grpc(grpc_stub(fused.grpc), "tiny-a", "features", ROWS)

    assert np.allclose(logits, tiny_logits("tiny-a", ROWS), atol=1e-5)


def test_ray_serves_own_proxy_answers_while_haproxy_knows_no_replica(fused):
    behind = f"127.0.0.1:{fused.environment.fallback_grpc_port}"

    logits = ask_rows_grpc(grpc_stub(behind), "tiny-a", "features", ROWS)

    assert np.allclose(logits, tiny_logits("tiny-a", ROWS), atol=1e-5)


def test_tiny_pipeline_is_served_beside_vision(fused):
    body = {
        "id": "7",
        "inputs": [
            {
                "name": "features",
                "datatype": "FP32",
                "shape": [2, 4],
                "data": ROWS.tolist(),
            }
        ],
    }

    answer = ask_json(fused.http, "tiny", body)

    assert answer.json()["id"] == "7"
    assert np.array(output(answer, "label")).shape == (2, 2)


def test_many_clients_each_get_their_own_answer(fused, cat):
    others = [photos.GOOD["jpeg"], photos.GOOD["one pixel"], photos.GOOD["grey"]]
    contents = [cat, *others]
    alone = [ask_photo_http(fused.http, c).json()["labels"][0] for c in contents]

    with concurrent.futures.ThreadPoolExecutor(16) as clients:
        together = list(
            clients.map(
                lambda i: ask_photo_http(fused.http, contents[i % 4]).json()["labels"],
                range(64),
            )
        )

    for i, labels in enumerate(together):
        assert labels[0]["class_index"] == alone[i % 4]["class_index"]


def test_server_reflects_both_of_its_services(fused):
    with grpc.insecure_channel(fused.grpc) as channel:
        services = ProtoReflectionDescriptorDatabase(channel).get_services()

    assert "inference.GRPCInferenceService" in services
    assert "grpc.health.v1.Health" in services


def test_grpc_health_says_serving(fused):
    with grpc.insecure_channel(fused.grpc) as channel:
        stub = health_pb2_grpc.HealthStub(channel)
        answer = stub.Check(health_pb2.HealthCheckRequest(service="vision"))

    assert answer.status == health_pb2.HealthCheckResponse.SERVING


def test_openapi_page_needs_nothing_from_elsewhere(fused):
    page = httpx.get(f"{fused.http}/docs").text

    assert "swagger-ui" in page
    assert "https://" not in page


def test_ensemble_tells_how_often_its_members_agree(fused, cat):
    ask_photo_http(fused.http, cat)
    before = _ensemble(fused)
    ask_photo_http(fused.http, cat)
    after = _ensemble(fused)

    assert after["rows"] == before["rows"] + 1
    members = after["members"]
    assert [one["rows"] for one in members.values()] == [after["rows"]] * len(members)
    assert after["spent_s"] > before["spent_s"]


def _ensemble(cluster):
    told = httpx.get(f"{cluster.http}/v2/models/vision/stats").json()
    return told["model_stats"][0]["ensemble_stats"]

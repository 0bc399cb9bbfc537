"""What the RPCs answer."""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from grpc import StatusCode

from configs.model import BatchingSpec
from deployments.errors import BackendFailed, InvalidInput, NotReady, Overloaded
from serve_app.oip import inference_pb2 as pb
from serve_app.oip.grpc import GrpcFront
from tests.fakes_protocol import JPEG, LIMIT_BYTES, FakeContext, FakeService

FOUR = np.array([[1, 2, 3, 4]], np.int32)


@pytest.fixture
def context() -> FakeContext:
    return FakeContext()


def addition(**more: Any) -> pb.ModelInferRequest:
    request = pb.ModelInferRequest(model_name="adder", **more)
    for name in ("INPUT0", "INPUT1"):
        request.inputs.add(name=name, datatype="INT32", shape=[1, 4])
        request.raw_input_contents.append(FOUR.tobytes())
    return request


async def test_server_tells_its_state(front: GrpcFront, context: FakeContext):
    assert (await front.ServerLive(pb.ServerLiveRequest(), context)).live
    assert (await front.ServerReady(pb.ServerReadyRequest(), context)).ready
    assert (await front.ModelReady(pb.ModelReadyRequest(name="adder"), context)).ready


async def test_server_says_when_it_is_not_ready(
    front: GrpcFront, service: FakeService, context: FakeContext
):
    service.is_ready = False

    server = await front.ServerReady(pb.ServerReadyRequest(), context)
    model = await front.ModelReady(pb.ModelReadyRequest(name="adder"), context)

    assert (server.ready, model.ready, context.code) == (False, False, None)


async def test_server_tells_its_extensions(front: GrpcFront, context: FakeContext):
    metadata = await front.ServerMetadata(pb.ServerMetadataRequest(), context)

    assert metadata.name == "headwater"
    assert {"binary_tensor_data", "schedule_policy"} <= {*metadata.extensions}


async def test_model_tells_its_tensors(front: GrpcFront, context: FakeContext):
    request = pb.ModelMetadataRequest(name="scorer", version="3")

    metadata = await front.ModelMetadata(request, context)

    assert list(metadata.versions) == ["3"]
    assert list(metadata.inputs[0].shape) == [-1, 8, 8, 3]
    assert dict(metadata.properties) == {"variant": "int8-onnx"}


async def test_model_tells_its_limits(front: GrpcFront, context: FakeContext):
    request = pb.ModelConfigRequest(name="scorer")

    config = (await front.ModelConfig(request, context)).config

    assert config.max_batch_size == 8
    assert config.input[0].data_type == pb.TYPE_FP32
    assert config.dynamic_batching.max_queue_delay_microseconds == 2000
    assert config.dynamic_batching.default_queue_policy.max_queue_size == 64


async def test_pipeline_tells_its_members(front: GrpcFront, context: FakeContext):
    request = pb.ModelConfigRequest(name="vision")

    config = (await front.ModelConfig(request, context)).config

    assert config.input[0].data_type == pb.TYPE_STRING
    assert [s.model_name for s in config.ensemble_scheduling.step] == ["scorer"]


async def test_raw_request_is_answered_raw(front: GrpcFront, context: FakeContext):
    request = addition(id="seven", model_version="1")
    request.outputs.add(name="SUM")

    answer = await front.ModelInfer(request, context)

    assert (answer.model_name, answer.model_version, answer.id) == (
        "adder",
        "1",
        "seven",
    )
    assert [(o.name, o.datatype, list(o.shape)) for o in answer.outputs] == [
        ("SUM", "INT32", [1, 4])
    ]
    assert np.frombuffer(answer.raw_output_contents[0], np.int32).tolist() == [
        2,
        4,
        6,
        8,
    ]


async def test_every_output_comes_when_none_is_named(
    front: GrpcFront, context: FakeContext
):
    answer = await front.ModelInfer(addition(), context)

    assert [output.name for output in answer.outputs] == ["SUM", "TEXT", "HALF"]
    assert answer.raw_output_contents[1].startswith(b"\x01\x00\x00\x002")


async def test_parameters_reach_the_model(
    front: GrpcFront, service: FakeService, context: FakeContext
):
    request = pb.ModelInferRequest(model_name="vision")
    request.parameters["k"].int64_param = 1
    image = request.inputs.add(name="image", datatype="BYTES", shape=[1])
    image.contents.bytes_contents.append(JPEG)

    answer = await front.ModelInfer(request, context)

    assert service.requests[0].parameters == {"k": 1}
    assert list(answer.outputs[0].shape) == [1, 1]


async def test_classes_are_named(front: GrpcFront, context: FakeContext):
    request = pb.ModelInferRequest(model_name="scorer")
    pixels = request.inputs.add(name="pixels", datatype="FP32", shape=[1, 8, 8, 3])
    pixels.contents.fp32_contents.extend(range(192))
    request.outputs.add(name="logits").parameters["classification"].int64_param = 1

    answer = await front.ModelInfer(request, context)

    assert answer.outputs[0].datatype == "BYTES"
    assert answer.raw_output_contents[0][4:] == b"3.000000:3:tiger shark"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda r: setattr(r, "model_name", "no"), "unknown model: 'no' is not found"),
        (
            lambda r: setattr(r, "model_version", "9"),
            "Request for unknown model: 'adder' version 9 is not found",
        ),
    ],
)
async def test_name_that_is_not_served_is_not_found(
    front: GrpcFront,
    context: FakeContext,
    change: Callable[[pb.ModelInferRequest], None],
    words: str,
):
    request = addition()
    change(request)

    await front.ModelInfer(request, context)

    assert context.code is StatusCode.NOT_FOUND
    assert words in context.details


async def test_questions_about_a_name_that_is_not_served(front: GrpcFront):
    for method, kind in (
        (front.ModelReady, pb.ModelReadyRequest),
        (front.ModelMetadata, pb.ModelMetadataRequest),
        (front.ModelConfig, pb.ModelConfigRequest),
    ):
        context = FakeContext()
        await method(kind(name="no"), context)
        assert context.code is StatusCode.NOT_FOUND


async def test_message_over_the_limit_is_refused(
    front: GrpcFront, context: FakeContext
):
    request = addition()
    request.raw_input_contents[0] = bytes(LIMIT_BYTES)

    await front.ModelInfer(request, context)

    assert context.code is StatusCode.RESOURCE_EXHAUSTED
    assert context.details == f"request body must be at most {LIMIT_BYTES} bytes"


@pytest.mark.parametrize(
    "error", [Overloaded("adder", 64, 1.5), NotReady("adder", 1.5)]
)
async def test_client_is_told_when_to_come_back(
    front: GrpcFront, service: FakeService, context: FakeContext, error: Exception
):
    service.error = error

    await front.ModelInfer(addition(), context)

    assert (context.code, context.details) == (StatusCode.UNAVAILABLE, str(error))
    assert context.trailing == [("retry-after", "2")]


async def test_invalid_input_is_an_invalid_argument(
    front: GrpcFront, service: FakeService, context: FakeContext
):
    service.error = InvalidInput("adder", "row 0 is upside down")

    answer = await front.ModelInfer(addition(), context)

    assert context.code is StatusCode.INVALID_ARGUMENT
    assert context.details == "row 0 is upside down"
    assert not answer.outputs


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (BackendFailed("adder", "/etc/secret"), "'adder' failed on this request"),
        (RuntimeError("10.1.2.3:/etc/secret"), "internal error"),
    ],
)
async def test_failure_of_ours_is_told_without_its_cause(
    front: GrpcFront,
    service: FakeService,
    caplog: pytest.LogCaptureFixture,
    error: Exception,
    words: str,
):
    service.error, context = error, FakeContext()

    with caplog.at_level(logging.ERROR):
        await front.ModelInfer(addition(), context)

    assert (context.code, context.details) == (StatusCode.INTERNAL, words)
    assert "secret" in caplog.text


async def test_client_that_leaves_takes_its_request_along(
    front: GrpcFront, service: FakeService, context: FakeContext
):
    service.gate.clear()
    asked = asyncio.create_task(front.ModelInfer(addition(), context))
    await service.asked.wait()

    asked.cancel()
    await asyncio.wait([asked])

    assert asked.cancelled()
    assert service.cancelled.is_set()


async def test_model_tells_its_levels_and_policy(
    front: GrpcFront, service: FakeService, context: FakeContext
):
    said = BatchingSpec.model_validate(
        {
            "preferred_batch_size": (2, 4),
            "priority_levels": 3,
            "default_priority_level": 2,
            "default_queue_policy": {
                "timeout_action": "DELAY",
                "default_timeout_us": 5000,
                "allow_timeout_override": True,
                "max_queue_size": 16,
            },
        }
    )
    service.offer(replace(service.contract("scorer"), batching=said))

    request = pb.ModelConfigRequest(name="scorer")
    told = (await front.ModelConfig(request, context)).config.dynamic_batching

    assert list(told.preferred_batch_size) == [2, 4]
    assert (told.priority_levels, told.default_priority_level) == (3, 2)
    policy = told.default_queue_policy
    assert policy.timeout_action == pb.ModelQueuePolicy.DELAY
    assert policy.default_timeout_microseconds == 5000
    assert policy.allow_timeout_override
    assert policy.max_queue_size == 16

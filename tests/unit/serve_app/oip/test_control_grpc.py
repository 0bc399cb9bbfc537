"""Statistics and the model repository over gRPC."""

import pytest
from grpc import StatusCode

from serve_app.oip import inference_pb2 as pb
from serve_app.oip.grpc import GrpcFront
from tests.fakes_operator import BROKEN, TOLD, FakeControl
from tests.fakes_protocol import FakeContext, FakeService


@pytest.fixture
def control() -> FakeControl:
    return FakeControl()


@pytest.fixture
def operated(control: FakeControl) -> GrpcFront:
    return GrpcFront(FakeService(), control=control)


@pytest.fixture
def context() -> FakeContext:
    return FakeContext()


async def test_statistics_fill_every_field(operated: GrpcFront, context: FakeContext):
    request = pb.ModelStatisticsRequest(name="scorer")

    (one,) = (await operated.ModelStatistics(request, context)).model_stats

    assert one.last_inference == TOLD.last_inference_ms
    assert (one.inference_count, one.execution_count) == (12, 4)
    assert one.inference_stats.queue == pb.StatisticDuration(count=2, ns=2000)
    assert one.inference_stats.cache_hit.count == 6
    assert one.batch_stats[0].batch_size == 3
    assert one.batch_stats[0].compute_infer.ns == 400
    assert [(m.type, m.byte_size) for m in one.memory_usage] == [
        ("CPU", 2**33),
        ("GPU", 5),
    ]
    assert not one.response_stats


async def test_statistics_of_an_unknown_version_are_not_found(
    operated: GrpcFront, context: FakeContext
):
    request = pb.ModelStatisticsRequest(name="scorer", version="9")

    await operated.ModelStatistics(request, context)

    assert context.code is StatusCode.NOT_FOUND


async def test_index_tells_replicas_that_differ_in_the_reason(
    operated: GrpcFront, context: FakeContext
):
    index = await operated.RepositoryIndex(pb.RepositoryIndexRequest(), context)

    told = {one.name: (one.version, one.state, one.reason) for one in index.models}
    assert told == {
        "adder": ("1", "READY", "a READY; b LOADING (loads since 2 s)"),
        "scorer": ("3", "READY", ""),
        BROKEN: ("1", "UNAVAILABLE", "its file is damaged"),
    }


async def test_index_of_what_is_ready_leaves_out_the_rest(
    operated: GrpcFront, context: FakeContext
):
    request = pb.RepositoryIndexRequest(ready=True)

    index = await operated.RepositoryIndex(request, context)

    assert [one.name for one in index.models] == ["adder", "scorer"]


async def test_load_takes_a_config(
    operated: GrpcFront, control: FakeControl, context: FakeContext
):
    request = pb.RepositoryModelLoadRequest(model_name="scorer")
    request.parameters["config"].string_param = '{"max_batch_size": 2}'

    await operated.RepositoryModelLoad(request, context)

    assert context.code is None
    assert control.loaded == [("scorer", {"max_batch_size": 2})]


async def test_load_of_files_is_not_offered(
    operated: GrpcFront, control: FakeControl, context: FakeContext
):
    request = pb.RepositoryModelLoadRequest(model_name="scorer")
    request.parameters["file:1/model.onnx"].bytes_param = b"onnx"

    await operated.RepositoryModelLoad(request, context)

    assert context.code is StatusCode.UNIMPLEMENTED
    assert control.loaded == []


async def test_load_of_an_unknown_model_has_tritons_words(
    operated: GrpcFront, context: FakeContext
):
    request = pb.RepositoryModelLoadRequest(model_name="nope")

    await operated.RepositoryModelLoad(request, context)

    assert context.code is StatusCode.NOT_FOUND
    assert (
        context.details == "failed to load 'nope', failed to poll from model repository"
    )


async def test_parameter_without_a_value_is_refused(
    operated: GrpcFront, control: FakeControl, context: FakeContext
):
    request = pb.RepositoryModelLoadRequest(model_name="scorer")
    request.parameters["config"].SetInParent()

    await operated.RepositoryModelLoad(request, context)

    assert context.details == "parameter 'config' must be a string of JSON"
    assert control.loaded == []


async def test_unload_takes_dependents_along_when_told(
    operated: GrpcFront, control: FakeControl, context: FakeContext
):
    request = pb.RepositoryModelUnloadRequest(model_name="vision")
    request.parameters["unload_dependents"].bool_param = True

    await operated.RepositoryModelUnload(request, context)

    assert control.unloaded == [("vision", True)]


async def test_there_is_one_repository(operated: GrpcFront, context: FakeContext):
    request = pb.RepositoryIndexRequest(repository_name="other")

    await operated.RepositoryIndex(request, context)

    assert context.code is StatusCode.UNIMPLEMENTED
    assert "'repository_name' is not offered" in context.details


async def test_front_without_control_says_that_it_has_none(
    front: GrpcFront, context: FakeContext
):
    await front.RepositoryIndex(pb.RepositoryIndexRequest(), context)

    assert context.code is StatusCode.UNIMPLEMENTED
    assert context.details == "model control is not offered here"

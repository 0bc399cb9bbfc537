"""What the health service of gRPC answers."""

import pytest
from grpc import StatusCode
from grpc_health.v1 import health_pb2

from serve_app.oip.grpc import GrpcFront
from tests.fakes_protocol import FakeContext, FakeService

SERVING = health_pb2.HealthCheckResponse.SERVING
NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING
UNKNOWN = health_pb2.HealthCheckResponse.SERVICE_UNKNOWN


@pytest.fixture
def context() -> FakeContext:
    return FakeContext()


@pytest.mark.parametrize("name", ["", "inference.GRPCInferenceService", "scorer"])
async def test_health_check_speaks_of_the_server_and_of_models(
    front: GrpcFront, service: FakeService, context: FakeContext, name: str
):
    request = health_pb2.HealthCheckRequest(service=name)

    well = await front.Check(request, context)
    service.is_ready = False
    unwell = await front.Check(request, context)

    assert (well.status, unwell.status) == (SERVING, NOT_SERVING)


async def test_health_check_of_an_unknown_service_is_not_found(
    front: GrpcFront, context: FakeContext
):
    await front.Check(health_pb2.HealthCheckRequest(service="no"), context)

    assert context.code is StatusCode.NOT_FOUND


async def test_health_list_names_everything(front: GrpcFront, context: FakeContext):
    answer = await front.List(health_pb2.HealthListRequest(), context)

    assert {"", "vision", "scorer"} < set(answer.statuses)
    assert {s.status for s in answer.statuses.values()} == {SERVING}


async def test_health_watch_tells_only_changes(
    front: GrpcFront, service: FakeService, context: FakeContext
):
    front.watch_every_s = 0
    watch = front.Watch(health_pb2.HealthCheckRequest(), context)

    first = await anext(watch)
    service.is_ready = False
    second = await anext(watch)

    assert (first.status, second.status) == (SERVING, NOT_SERVING)


async def test_health_watch_waits_for_a_service_that_is_unknown(
    front: GrpcFront, context: FakeContext
):
    watch = front.Watch(health_pb2.HealthCheckRequest(service="no"), context)

    assert (await anext(watch)).status == UNKNOWN
    assert context.code is None

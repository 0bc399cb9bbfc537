"""Trace and log settings on both protocols, and what is not offered at all."""

import logging
from collections.abc import Iterator

import httpx
import pytest
from grpc import StatusCode
from hypothesis import given
from hypothesis import strategies as st

from deployments.errors import InvalidInput
from deployments.logs import LOGGERS
from serve_app.errors import NotOffered
from serve_app.oip import inference_pb2 as pb
from serve_app.oip.grpc import GrpcFront
from serve_app.oip.settings import (
    FIXED,
    LEVELS,
    VERBOSE,
    change_log,
    log_settings,
    read_level,
)
from tests.fakes_operator import FakeControl
from tests.fakes_protocol import FakeContext, FakeService

QUIET = {"log_info": False, "log_warning": True, "log_error": True}
AS_IS = {**QUIET, VERBOSE: 0, **FIXED}


@pytest.fixture(autouse=True)
def _levels_are_put_back() -> Iterator[None]:
    loggers = [logging.getLogger(name) for name in LOGGERS]
    before = [(logger.level, list(logger.handlers)) for logger in loggers]
    yield
    for logger, (level, handlers) in zip(loggers, before, strict=True):
        logger.setLevel(level)
        logger.handlers[:] = handlers


@pytest.fixture
def context() -> FakeContext:
    return FakeContext()


async def test_log_settings_change_what_is_written(client: httpx.AsyncClient):
    log = logging.getLogger("deployments.batcher")
    await client.post("/v2/logging", json={"log_info": True})
    assert (log.isEnabledFor(logging.INFO), log.isEnabledFor(logging.DEBUG)) == (
        True,
        False,
    )

    answer = await client.post("/v2/logging", json={"log_verbose_level": 3})

    assert log.isEnabledFor(logging.DEBUG)
    assert answer.json() == {
        "log_info": True,
        "log_warning": True,
        "log_error": True,
        "log_verbose_level": 1,
        "log_file": "",
        "log_format": "default",
    }
    assert (await client.get("/v2/logging")).json() == answer.json()


async def test_log_settings_that_make_no_sense_change_nothing(
    client: httpx.AsyncClient,
):
    before = (await client.get("/v2/logging")).json()
    for body, status in (
        ({"log_info": True, "log_error": False}, 400),
        ({"log_info": 1}, 400),
        ({"log_verbose_level": -1}, 400),
        ({"log_verbose_level": True}, 400),
        ({"log_infos": True}, 400),
        ({"log_file": "/tmp/x"}, 501),
    ):
        answer = await client.post("/v2/logging", json=body)
        assert (answer.status_code, [*answer.json()]) == (status, ["error"]), body

    assert (await client.get("/v2/logging")).json() == before


async def test_log_settings_over_grpc_are_the_same(
    front: GrpcFront, context: FakeContext
):
    request = pb.LogSettingsRequest()
    request.settings["log_verbose_level"].uint32_param = 1

    told = (await front.LogSettings(request, context)).settings

    assert told["log_verbose_level"].uint32_param == 1
    assert told["log_info"].bool_param
    assert told["log_format"].string_param == "default"


async def test_log_settings_are_told_to_every_replica_through_control():
    control, before = FakeControl(), log_settings()

    await change_log({}, control)
    await change_log({"log_verbose_level": 1}, control)
    with pytest.raises(InvalidInput):
        await change_log({"log_infos": True}, control)

    assert control.logged == [logging.DEBUG]
    assert log_settings() == before


async def test_log_settings_over_grpc_reach_every_replica(context: FakeContext):
    control = FakeControl()
    request = pb.LogSettingsRequest()
    request.settings["log_info"].bool_param = True

    await GrpcFront(FakeService(), control=control).LogSettings(request, context)

    assert (control.logged, context.code) == ([logging.INFO], None)


@given(
    st.dictionaries(
        st.sampled_from([*LEVELS, VERBOSE, *FIXED, "other"]),
        st.one_of(st.booleans(), st.integers(-2, 3), st.text(max_size=3), st.none()),
    )
)
def test_every_setting_is_taken_or_refused(settings: dict[str, object]):
    try:
        level = read_level(AS_IS, settings)
    except (InvalidInput, NotOffered):
        return

    taken = {**AS_IS, **settings}
    assert (level <= logging.ERROR) == taken["log_error"]
    assert (level <= logging.DEBUG) == bool(taken[VERBOSE])


async def test_trace_settings_say_that_nothing_is_traced(client: httpx.AsyncClient):
    for path in ("/v2/trace/setting", "/v2/models/scorer/trace/setting"):
        assert (await client.get(path)).json()["trace_level"] == ["OFF"]
    unknown = await client.get("/v2/models/nope/trace/setting")

    assert unknown.status_code == 404


async def test_trace_that_stays_off_is_taken(client: httpx.AsyncClient):
    answer = await client.post(
        "/v2/trace/setting", json={"trace_level": ["OFF"], "trace_rate": None}
    )

    assert (answer.status_code, answer.json()["trace_level"]) == (200, ["OFF"])


async def test_tracing_is_not_offered(client: httpx.AsyncClient):
    on = await client.post("/v2/trace/setting", json={"trace_level": ["TIMESTAMPS"]})
    unknown = await client.post("/v2/trace/setting", json={"trace_color": "red"})

    assert on.status_code == 501
    assert on.json()["error"].startswith("trace setting 'trace_level' stays as it is")
    assert unknown.status_code == 400


async def test_trace_settings_over_grpc_are_the_same(
    front: GrpcFront, context: FakeContext
):
    request = pb.TraceSettingRequest()
    request.settings["trace_rate"].value.append("1000")
    told = await front.TraceSetting(request, context)
    assert (list(told.settings["trace_level"].value), context.code) == (["OFF"], None)

    request.settings["trace_level"].value.append("TENSORS")
    await front.TraceSetting(request, context)

    assert context.code is StatusCode.UNIMPLEMENTED


@pytest.mark.parametrize("kind", ["system", "cuda"])
async def test_no_memory_is_shared(client: httpx.AsyncClient, kind: str):
    path = f"/v2/{kind}sharedmemory"
    assert (await client.get(f"{path}/status")).json() == []

    region = await client.get(f"{path}/region/frames/status")
    refused = [
        await client.post(f"{path}/region/frames/register", json={"byte_size": 4}),
        await client.post(f"{path}/region/frames/unregister"),
        await client.post(f"{path}/unregister"),
    ]

    assert region.status_code == 404
    assert region.json() == {
        "error": f"Unable to find {kind} shared memory region: 'frames'"
    }
    for answer in refused:
        assert answer.status_code == 501
        assert answer.json() == {"error": "shared memory is not offered here"}


async def test_no_memory_is_shared_over_grpc(front: GrpcFront):
    asked = FakeContext()
    status = await front.SystemSharedMemoryStatus(
        pb.SystemSharedMemoryStatusRequest(), asked
    )
    cuda = await front.CudaSharedMemoryStatus(pb.CudaSharedMemoryStatusRequest(), asked)
    assert (len(status.regions), len(cuda.regions), asked.code) == (0, 0, None)

    for method in ("Register", "Unregister"):
        for kind in ("System", "Cuda"):
            context = FakeContext()
            request = getattr(pb, f"{kind}SharedMemory{method}Request")(name="x")
            await getattr(front, f"{kind}SharedMemory{method}")(request, context)
            assert context.code is StatusCode.UNIMPLEMENTED


async def test_generate_is_for_language_models(client: httpx.AsyncClient):
    for path in ("generate", "generate_stream", "versions/3/generate"):
        answer = await client.post(f"/v2/models/scorer/{path}", json={"text_input": ""})
        assert answer.status_code == 501
        assert answer.json() == {
            "error": "'scorer' is no language model: generate is not offered here"
        }
    unknown = await client.post("/v2/models/nope/generate", json={})

    assert unknown.status_code == 404

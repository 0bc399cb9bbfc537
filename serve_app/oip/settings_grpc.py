"""Over gRPC: trace and log settings, and shared memory, which is not offered."""

from collections.abc import Mapping
from typing import TypeVar

from deployments.control import Control
from deployments.service import Service
from serve_app.errors import NotOffered, RegionNotFound
from serve_app.oip import inference_pb2 as pb
from serve_app.oip.settings import change_log, check_trace, log_settings, trace_settings
from serve_app.oip.settling import CallContext, settle

Message = TypeVar("Message")


class GrpcSettings:
    """The RPCs of settings and shared memory."""

    service: Service
    control: Control | None

    async def TraceSetting(  # noqa: N802 - the RPC's name
        self, request: pb.TraceSettingRequest, grpc_context: CallContext
    ) -> pb.TraceSettingResponse:
        """The trace settings; what would change them is refused."""

        async def answer() -> pb.TraceSettingResponse:
            if request.model_name:
                self.service.contract(request.model_name)
            check_trace({n: list(v.value) or None for n, v in request.settings.items()})
            response = pb.TraceSettingResponse()
            for name, value in trace_settings().items():
                values = [value] if isinstance(value, str) else value
                response.settings[name].value.extend(values)
            return response

        return await settle(answer(), pb.TraceSettingResponse(), grpc_context)

    async def LogSettings(  # noqa: N802
        self, request: pb.LogSettingsRequest, grpc_context: CallContext
    ) -> pb.LogSettingsResponse:
        """What replicas write to their logs, changed first if settings come."""

        async def answer() -> pb.LogSettingsResponse:
            await change_log(_log_values(request.settings), self.control)
            response = pb.LogSettingsResponse()
            for name, value in log_settings().items():
                setting = response.settings[name]
                if isinstance(value, bool):
                    setting.bool_param = value
                elif isinstance(value, int):
                    setting.uint32_param = value
                else:
                    setting.string_param = value
            return response

        return await settle(answer(), pb.LogSettingsResponse(), grpc_context)

    async def SystemSharedMemoryStatus(  # noqa: N802
        self, request: pb.SystemSharedMemoryStatusRequest, grpc_context: CallContext
    ) -> pb.SystemSharedMemoryStatusResponse:
        """No region."""
        empty = pb.SystemSharedMemoryStatusResponse()
        return await settle(
            _regions("system", request.name, empty), empty, grpc_context
        )

    async def CudaSharedMemoryStatus(  # noqa: N802
        self, request: pb.CudaSharedMemoryStatusRequest, grpc_context: CallContext
    ) -> pb.CudaSharedMemoryStatusResponse:
        """No region."""
        empty = pb.CudaSharedMemoryStatusResponse()
        return await settle(_regions("cuda", request.name, empty), empty, grpc_context)

    async def SystemSharedMemoryRegister(  # noqa: N802
        self, request: pb.SystemSharedMemoryRegisterRequest, grpc_context: CallContext
    ) -> pb.SystemSharedMemoryRegisterResponse:
        """Not offered."""
        empty = pb.SystemSharedMemoryRegisterResponse()
        return await settle(_no_memory(empty), empty, grpc_context)

    async def SystemSharedMemoryUnregister(  # noqa: N802
        self,
        request: pb.SystemSharedMemoryUnregisterRequest,
        grpc_context: CallContext,
    ) -> pb.SystemSharedMemoryUnregisterResponse:
        """Not offered."""
        empty = pb.SystemSharedMemoryUnregisterResponse()
        return await settle(_no_memory(empty), empty, grpc_context)

    async def CudaSharedMemoryRegister(  # noqa: N802
        self, request: pb.CudaSharedMemoryRegisterRequest, grpc_context: CallContext
    ) -> pb.CudaSharedMemoryRegisterResponse:
        """Not offered."""
        empty = pb.CudaSharedMemoryRegisterResponse()
        return await settle(_no_memory(empty), empty, grpc_context)

    async def CudaSharedMemoryUnregister(  # noqa: N802
        self, request: pb.CudaSharedMemoryUnregisterRequest, grpc_context: CallContext
    ) -> pb.CudaSharedMemoryUnregisterResponse:
        """Not offered."""
        empty = pb.CudaSharedMemoryUnregisterResponse()
        return await settle(_no_memory(empty), empty, grpc_context)


async def _regions(kind: str, region: str, empty: Message) -> Message:
    if region:
        raise RegionNotFound(kind, region)
    return empty


async def _no_memory(empty: Message) -> Message:
    raise NotOffered("shared memory is")


def _log_values(
    given: Mapping[str, pb.LogSettingsRequest.SettingValue],
) -> dict[str, object]:
    """What each setting holds; one that holds nothing is None."""
    chosen = {
        name: value.WhichOneof("parameter_choice") for name, value in given.items()
    }
    return {
        name: getattr(given[name], choice) if choice else None
        for name, choice in chosen.items()
    }

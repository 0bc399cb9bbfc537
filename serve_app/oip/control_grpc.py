"""Statistics and the model repository over gRPC."""

from collections.abc import Mapping

from google.protobuf.json_format import ParseDict

from deployments.control import Control
from deployments.errors import ModelNotFound
from serve_app.errors import Unloadable
from serve_app.oip import inference_pb2 as pb
from serve_app.oip.repository import (
    check_repository,
    needed,
    read_dependents,
    read_override,
    told_apart,
    write_entry,
)
from serve_app.oip.settling import CallContext, settle
from serve_app.oip.statistics import write_statistics


class GrpcControl:
    """The RPCs of an operator; `control` None: they are not offered."""

    control: Control | None = None

    async def ModelStatistics(  # noqa: N802 - the RPC's name
        self, request: pb.ModelStatisticsRequest, grpc_context: CallContext
    ) -> pb.ModelStatisticsResponse:
        """What models have done since their replicas started."""

        async def answer() -> pb.ModelStatisticsResponse:
            control = needed(self.control, "statistics are")
            told = await control.statistics(request.name, request.version)
            response = pb.ModelStatisticsResponse()
            ParseDict(write_statistics(told), response, ignore_unknown_fields=True)
            return response

        return await settle(answer(), pb.ModelStatisticsResponse(), grpc_context)

    async def RepositoryIndex(  # noqa: N802
        self, request: pb.RepositoryIndexRequest, grpc_context: CallContext
    ) -> pb.RepositoryIndexResponse:
        """Every model with its state; replicas that differ are told in the reason."""

        async def answer() -> pb.RepositoryIndexResponse:
            check_repository(request.repository_name)
            response = pb.RepositoryIndexResponse()
            for one in await needed(self.control).index(request.ready):
                ParseDict(write_entry(told_apart(one)), response.models.add())
            return response

        return await settle(answer(), pb.RepositoryIndexResponse(), grpc_context)

    async def RepositoryModelLoad(  # noqa: N802
        self, request: pb.RepositoryModelLoadRequest, grpc_context: CallContext
    ) -> pb.RepositoryModelLoadResponse:
        """Make a model ready, or read it again."""

        async def answer() -> pb.RepositoryModelLoadResponse:
            control, name = needed(self.control), request.model_name
            check_repository(request.repository_name)
            override = read_override(name, _values(request.parameters))
            try:
                await control.load(name, override)
            except ModelNotFound as error:
                raise Unloadable(error.model) from error
            return pb.RepositoryModelLoadResponse()

        return await settle(answer(), pb.RepositoryModelLoadResponse(), grpc_context)

    async def RepositoryModelUnload(  # noqa: N802
        self, request: pb.RepositoryModelUnloadRequest, grpc_context: CallContext
    ) -> pb.RepositoryModelUnloadResponse:
        """Take a model away."""

        async def answer() -> pb.RepositoryModelUnloadResponse:
            control, name = needed(self.control), request.model_name
            check_repository(request.repository_name)
            dependents = read_dependents(name, _values(request.parameters))
            await control.unload(name, dependents)
            return pb.RepositoryModelUnloadResponse()

        return await settle(answer(), pb.RepositoryModelUnloadResponse(), grpc_context)


def _values(given: Mapping[str, pb.ModelRepositoryParameter]) -> dict[str, object]:
    """What each parameter holds; one that holds nothing is None."""
    chosen = {
        name: value.WhichOneof("parameter_choice") for name, value in given.items()
    }
    return {
        name: getattr(given[name], choice) if choice else None
        for name, choice in chosen.items()
    }

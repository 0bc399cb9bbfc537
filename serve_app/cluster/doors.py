"""Do both doors answer? Asked as a client would ask."""

from collections.abc import Iterator

from serve_app.cluster import dashboard
from serve_app.cluster.serve_file import ServeFile

TIMEOUT_S = 10.0
EVERYWHERE = ("0.0.0.0", "::", "")  # noqa: S104, compared with, not bound


def closed(file: ServeFile) -> tuple[str, ...]:
    """What a client would miss; nothing: both doors are open."""
    return (*_http(file), *_grpc(file))


def _http(file: ServeFile) -> Iterator[str]:
    host = "127.0.0.1" if file.http_host in EVERYWHERE else file.http_host
    try:
        dashboard.get(file.http_port, "/-/healthz", host=host)
    except dashboard.DashboardSilent as silence:
        yield f"HTTP door: {silence}"


def _grpc(file: ServeFile) -> Iterator[str]:
    if file.grpc_port is None or not file.serves_oip:
        return
    # Only `headwater up` asks; the other commands need not wait for these imports.
    import grpc

    from serve_app.oip import inference_pb2, inference_pb2_grpc

    # A proxy for outgoing HTTP is not meant for this machine.
    options = [("grpc.enable_http_proxy", 0)]
    with grpc.insecure_channel(f"127.0.0.1:{file.grpc_port}", options) as channel:
        server = inference_pb2_grpc.GRPCInferenceServiceStub(channel)  # type: ignore[no-untyped-call]
        asked = inference_pb2.ServerReadyRequest()
        try:
            ready = server.ServerReady(asked, timeout=TIMEOUT_S).ready
        except grpc.RpcError as error:
            yield f"gRPC door: port {file.grpc_port}: {error.details()}"
            return
    if not ready:
        yield "gRPC door: not everything is ready"

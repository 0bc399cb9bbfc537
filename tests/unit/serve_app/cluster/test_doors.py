import threading
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import grpc
import pytest

from serve_app.cluster import doors
from serve_app.cluster.serve_file import ServeFile
from serve_app.oip import inference_pb2, inference_pb2_grpc


class Page(BaseHTTPRequestHandler):
    """Is well."""

    def do_GET(self):
        self.send_response(200 if self.path == "/-/healthz" else 404)
        self.end_headers()

    def log_message(self, *words):
        """Stay quiet."""


class Servicer(inference_pb2_grpc.GRPCInferenceServiceServicer):
    """As ready as it is told to be."""

    def __init__(self, ready):
        self._ready = ready

    def ServerReady(self, request, context):  # noqa: N802
        return inference_pb2.ServerReadyResponse(ready=self._ready)


@pytest.fixture
def http_port():
    with ThreadingHTTPServer(("127.0.0.1", 0), Page) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join()


@pytest.fixture
def serve_grpc():
    """Start a server that is ready or not; its port."""
    servers = []

    def start(ready):
        server = grpc.server(ThreadPoolExecutor(1))
        inference_pb2_grpc.add_GRPCInferenceServiceServicer_to_server(
            Servicer(ready), server
        )
        servers.append(server)
        port = server.add_insecure_port("127.0.0.1:0")
        server.start()
        return port

    yield start
    for server in servers:
        server.stop(None).wait()


def file(http_port, grpc_port, serves_oip=True):
    return ServeFile(Path("serve.yaml"), ("a",), http_port, grpc_port, serves_oip)


def test_two_doors_that_answer_are_open(http_port, serve_grpc):
    assert doors.closed(file(http_port, serve_grpc(ready=True))) == ()


def test_grpc_door_that_is_not_ready_is_closed(http_port, serve_grpc):
    found = doors.closed(file(http_port, serve_grpc(ready=False)))

    assert found == ("gRPC door: not everything is ready",)


def test_grpc_port_where_nobody_listens_is_named(http_port):
    (found,) = doors.closed(file(http_port, 1))

    assert found.startswith("gRPC door: port 1: ")


def test_http_port_where_nobody_listens_is_named(serve_grpc):
    (found,) = doors.closed(file(1, serve_grpc(ready=True)))

    assert found.startswith("HTTP door: no answer from port 1")


@pytest.mark.parametrize(("port", "serves_oip"), [(None, True), (1, False)])
def test_grpc_door_of_another_protocol_is_not_asked(http_port, port, serves_oip):
    assert doors.closed(file(http_port, port, serves_oip)) == ()

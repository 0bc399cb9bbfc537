"""What a client reads when HAProxy or Ray Serve itself answers with an error.

The real HAProxy, started by our script on what the installed Ray Serve writes.
"""

import http.client
import json
import os
import socket
import subprocess
import threading
import time
from contextlib import closing, suppress
from email.message import Message
from http import HTTPStatus
from pathlib import Path
from typing import NamedTuple

import grpc
import pytest
from ray.serve._private.common import RequestProtocol
from ray.serve._private.haproxy import (
    BackendConfig,
    HAProxyApi,
    HAProxyConfig,
    ServerConfig,
)
from ray.serve.config import HTTPOptions, gRPCOptions

import serve_app.cluster
from configs.environment import Environment
from serve_app.cluster import plan
from serve_app.oip import inference_pb2, inference_pb2_grpc

SCRIPT = Path(serve_app.cluster.__file__).parent / "haproxy.sh"
SETTINGS = plan.ray_variables(Environment(), plan.Place("", Path(), Path()))
HEALTHY = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
SERVICER = "serve_app.oip.inference_pb2_grpc.add_GRPCInferenceServiceServicer_to_server"

OIP, PLAIN = "/v2/models/vision/infer", "/v1/pipelines/vision"


def said_by_ray(status, text):
    """An answer as Ray Serve's replicas and its fallback proxy word it."""
    head = f"HTTP/1.1 {status} Any\r\nContent-Type: text/plain; charset=utf-8\r\n"
    return f"{head}Content-Length: {len(text)}\r\n\r\n{text}".encode()


class Replica:
    """Passes health checks; answers everything else with the same bytes.

    Empty: it closes the connection. None: it says nothing.
    """

    def __init__(self):
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self.answer: bytes | None = b""
        threading.Thread(target=self._serve, daemon=True).start()

    def close(self):
        self._listener.close()

    def _serve(self):
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._talk, args=(connection,), daemon=True).start()

    def _talk(self, connection):
        # HAProxy resets a connection that it has given up.
        with closing(connection), suppress(OSError):
            asked = connection.recv(65536)
            healthy = b"/-/healthz" in asked.split(b"\r\n")[0]
            answer = HEALTHY if healthy else self.answer
            if answer is None:
                connection.recv(1)  # until the other side gives up
            elif asked:
                connection.sendall(answer)


class Answer(NamedTuple):
    """What a client got."""

    status: int
    headers: Message
    content: bytes


class Door:
    """HAProxy in front of some replicas."""

    def __init__(self, folder, replicas, application="/"):
        self.http, self.grpc = free_port(), free_port()
        config = rendered(folder, self.http, self.grpc, replicas, application)
        self._process = subprocess.Popen(
            [SCRIPT, "-db", "-f", config],
            env={**os.environ, "HEADWATER_HAPROXY": SETTINGS["HEADWATER_HAPROXY"]},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        wait_for(lambda: self.status("/-/healthz"))

    def status(self, path):
        try:
            return self.ask(path).status
        except OSError:
            return None

    def ask(self, path):
        with closing(http.client.HTTPConnection("127.0.0.1", self.http, 20)) as line:
            line.request("POST", path, b"{}")
            answer = line.getresponse()
            return Answer(answer.status, answer.headers, answer.read())

    def close(self):
        self._process.kill()
        self._process.wait()


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return probe.getsockname()[1]


def wait_for(condition):
    ends = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < ends
        time.sleep(0.05)


def rendered(folder, http_port, grpc_port, replicas, application):
    """The configuration that Ray Serve writes for one application."""
    servers = [
        ServerConfig(f"replica-{at}", "127.0.0.1", port)
        for at, port in enumerate(replicas)
    ]
    config = HAProxyConfig(
        socket_path=str(folder / "admin.sock"),
        metrics_socket_path=str(folder / "metrics.sock"),
        server_state_base=str(folder),
        server_state_file=str(folder / "server-state"),
        metrics_enabled=False,
        stats_port=free_port(),
        metrics_port=free_port(),
        has_received_routes=True,
        has_received_servers=True,
        is_head=True,
        retries=1,
        retry_on="conn-failure empty-response",
        timeout_server_s=1,
        http_options=HTTPOptions(host="127.0.0.1", port=http_port),
        grpc_options=gRPCOptions(port=grpc_port, grpc_servicer_functions=[SERVICER]),
    )
    backends = {
        f"{protocol.value}-a": BackendConfig(
            name=f"{protocol.value.lower()}-a",
            path_prefix=application,
            app_name="a",
            protocol=protocol,
            servers=servers,
        )
        for protocol in (RequestProtocol.HTTP, RequestProtocol.GRPC)
    }
    written = folder / "haproxy.cfg"
    HAProxyApi(config, backends, str(written))._generate_config_file_internal()
    return written


@pytest.fixture(scope="module")
def replica():
    with closing(Replica()) as created:
        yield created


@pytest.fixture(scope="module")
def door(replica, tmp_path_factory):
    with closing(Door(tmp_path_factory.mktemp("one"), [replica.port])) as created:
        wait_for(lambda: created.status("/-/healthz") == HTTPStatus.OK)
        yield created


@pytest.fixture(scope="module")
def empty(tmp_path_factory):
    with closing(Door(tmp_path_factory.mktemp("none"), [])) as created:
        yield created


def assert_worded(door, status, text, retry_after=None):
    """Both styles of a refusal, as serve_app/answers.py has them."""
    asked = door.ask(OIP)
    assert (asked.status, asked.headers["Content-Type"]) == (status, "application/json")
    assert json.loads(asked.content) == {"error": text}
    assert asked.headers["Retry-After"] == retry_after

    asked = door.ask(PLAIN)
    kind = "application/problem+json"
    assert (asked.status, asked.headers["Content-Type"]) == (status, kind)
    assert asked.headers["Retry-After"] == retry_after
    assert json.loads(asked.content) == {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": text,
    }


def test_no_replica_is_json_and_says_when_to_come_again(empty):
    assert_worded(empty, 503, "no replica can answer now", retry_after="1")


def test_replica_that_closes_is_json(door, replica):
    replica.answer = b""

    assert_worded(door, 502, "the replica ended before it had answered")


def test_silent_replica_is_json(door, replica):
    replica.answer = None

    assert_worded(door, 504, "the replica did not answer in time")


def test_no_application_is_json(replica, tmp_path):
    with closing(Door(tmp_path, [replica.port], "/elsewhere")) as elsewhere:
        assert_worded(elsewhere, 404, "no application serves this path")


@pytest.mark.parametrize(
    ("status", "text", "retry_after"),
    [
        (408, "the request took too long", None),
        (500, "internal error", None),
        (503, "no replica can answer now", "1"),
    ],
)
def test_plain_text_of_ray_becomes_json(door, replica, status, text, retry_after):
    replica.answer = said_by_ray(status, "Request 1a2b timed out after 60.0s.")

    assert_worded(door, status, text, retry_after)


def test_our_own_refusals_pass_as_they_are(door, replica):
    own = b'{"error":"vision: the queue is full"}'
    replica.answer = said_by_ray(503, own.decode()).replace(
        b"text/plain; charset=utf-8", b"application/json\r\nRetry-After: 7"
    )

    asked = door.ask(OIP)

    assert (asked.status, asked.content) == (503, own)
    assert asked.headers["Retry-After"] == "7"


def test_health_page_of_haproxy_stays_text(empty):
    asked = empty.ask("/-/healthz")

    assert (asked.status, asked.content) == (503, b"Service Unavailable")


def test_grpc_client_is_told_to_try_again(empty):
    with grpc.insecure_channel(f"127.0.0.1:{empty.grpc}") as channel:
        stub = inference_pb2_grpc.GRPCInferenceServiceStub(channel)
        with pytest.raises(grpc.RpcError) as refused:
            stub.ServerReady(inference_pb2.ServerReadyRequest(), timeout=20)

    assert refused.value.code() is grpc.StatusCode.UNAVAILABLE

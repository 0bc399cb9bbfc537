"""The unmodified Triton client against both protocols, without Ray."""

import asyncio
import socket
from collections.abc import AsyncIterator
from pathlib import Path

import grpc
import pytest
import uvicorn
from grpc_health.v1 import health_pb2_grpc

from serve_app.http import build_http
from serve_app.limits import Limits
from serve_app.oip import inference_pb2_grpc
from serve_app.oip.grpc import GrpcFront
from tests.fakes_operator import LiveControl
from tests.fakes_protocol import JPEG, FakeService

ROOT = Path(__file__).resolve().parents[3]
CLIENT = ROOT / ".venv-client" / "bin" / "python"
WAIT_S = 120


@pytest.fixture
async def http_address() -> AsyncIterator[str]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        service = FakeService()
        app = build_http(service, Limits(), LiveControl(service))
        config = uvicorn.Config(app, log_level="warning", lifespan="off")
        server = uvicorn.Server(config)
        serving = asyncio.create_task(server.serve([listener]))
        yield "{}:{}".format(*listener.getsockname())
        server.should_exit = True
        await asyncio.wait_for(serving, WAIT_S)


@pytest.fixture
async def grpc_address() -> AsyncIterator[str]:
    server, service = grpc.aio.server(), FakeService()
    front = GrpcFront(service, control=LiveControl(service))
    inference_pb2_grpc.add_GRPCInferenceServiceServicer_to_server(front, server)
    health_pb2_grpc.add_HealthServicer_to_server(front, server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    yield f"127.0.0.1:{port}"
    await server.stop(grace=None)


async def test_triton_client_finds_everything_it_knows(
    http_address: str, grpc_address: str, tmp_path: Path
) -> None:
    image = tmp_path / "photo.jpg"
    image.write_bytes(JPEG)
    where = ["--http", http_address, "--grpc", grpc_address, "--image", str(image)]

    client = await asyncio.create_subprocess_exec(
        *(str(CLIENT), str(ROOT / "tests/client/conformance.py"), *where),
        *("--model", "scorer", "--pipeline", "vision", "--operate"),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said, _ = await asyncio.wait_for(client.communicate(), WAIT_S)

    assert client.returncode == 0, said.decode()
    assert said.decode().endswith(" passed, 0 failed\n")

"""Fetching from S3 (moto's server) and from a hub (a stand-in for its HTTP answers)."""

import hashlib
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import fsspec
import pytest
import s3fs
from moto.server import ThreadedMotoServer

from configs.model import Artefact
from models.errors import HashMismatch, SourceUnreachable
from models.sources import Patience, fetch

CONTENT = bytes(range(256)) * 40_000
SHA256 = hashlib.sha256(CONTENT).hexdigest()
ONCE = Patience(attempts=1, pause_s=0.0)


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    access = {"endpoint_url": f"http://{host}:{port}", "key": "k", "secret": "s"}
    monkeypatch.setitem(fsspec.config.conf, "s3", access)
    writer = s3fs.S3FileSystem(skip_instance_cache=True, **access)
    writer.makedirs("models", exist_ok=True)  # moto keeps its state in the process
    writer.pipe_file("models/lite.onnx", CONTENT)
    yield "s3://models/lite.onnx"
    s3fs.S3FileSystem.clear_instance_cache()
    server.stop()


def test_object_arrives_whole(bucket, tmp_path):
    found = fetch(Artefact(uri=bucket, sha256=SHA256), tmp_path, patience=ONCE)

    assert found.read_bytes() == CONTENT


def test_object_goes_on_where_the_last_try_stopped(bucket, tmp_path):
    (tmp_path / f"{SHA256}.part").write_bytes(CONTENT[:4_000_000])
    told: list[int] = []

    fetch(
        Artefact(uri=bucket, sha256=SHA256),
        tmp_path,
        lambda step, done, total: told.append(done),
        ONCE,
    )

    assert told[0] == 4_000_000
    assert (tmp_path / SHA256).read_bytes() == CONTENT


def test_object_that_is_not_the_pinned_one_is_refused(bucket, tmp_path):
    with pytest.raises(HashMismatch):
        fetch(Artefact(uri=bucket, sha256="0" * 64), tmp_path, patience=ONCE)


def test_missing_object_is_said(bucket, tmp_path):
    gone = Artefact(uri=f"{bucket}.gone", sha256=SHA256)

    with pytest.raises(SourceUnreachable, match="no such file"):
        fetch(gone, tmp_path, patience=ONCE)


FILE = {"type": "file", "path": "lite.onnx", "size": len(CONTENT), "oid": "1"}


class _Hub(BaseHTTPRequestHandler):
    """The answers that reading one file of one repository takes."""

    protocol_version = "HTTP/1.1"
    asked: list[str]

    def do_GET(self) -> None:
        self.asked.append(f"GET {self.path} {self.headers.get('Range')}")
        if "/tree/" in self.path:
            self._answer(json.dumps([FILE]).encode())
            return
        if self.path.startswith("/api/"):
            self._answer(json.dumps({"id": "owner/repo", "sha": "a" * 40}).encode())
            return
        span = self.headers.get("Range")
        if span is None:
            self._answer(CONTENT)
            return
        first, last = map(int, span.removeprefix("bytes=").split("-"))
        self._answer(CONTENT[first : last + 1], 206)

    def _answer(self, body: bytes, status: int = 200) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Keep the test's output clean."""


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    asked: list[str] = []
    handler = type("Hub", (_Hub,), {"asked": asked})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    url = f"http://127.0.0.1:{server.server_address[1]}"
    monkeypatch.setitem(fsspec.config.conf, "hf", {"endpoint": url, "token": False})
    yield asked
    server.shutdown()
    server.server_close()
    thread.join()


def test_file_of_a_hub_arrives_whole(hub, tmp_path):
    wanted = Artefact(uri="hf://owner/repo@main/lite.onnx", sha256=SHA256)

    assert fetch(wanted, tmp_path, patience=ONCE).read_bytes() == CONTENT
    assert any("lite.onnx" in asked for asked in hub), "the stand-in was asked"

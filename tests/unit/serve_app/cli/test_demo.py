import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from configs.demo import packaged_demo
from serve_app.cli.demo import ask
from serve_app.cluster.errors import Unhealthy


class Labeller(BaseHTTPRequestHandler):
    """Knows one photo."""

    def do_POST(self):
        photo = self.rfile.read(int(self.headers["Content-Length"]))
        known = (self.path, photo) == ("/v1/pipelines/vision", b"cat")
        self.send_response(200 if known else 400)
        self.end_headers()
        self.wfile.write(b'{"labels": [{"label": "tabby"}]}' if known else b"no photo")

    def log_message(self, *words):
        """Stay quiet."""


@pytest.fixture
def port():
    with ThreadingHTTPServer(("127.0.0.1", 0), Labeller) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join()


def test_photo_is_labelled(port):
    assert ask(port, "vision", b"cat") == {"labels": [{"label": "tabby"}]}


def test_error_of_the_service_is_told(port):
    with pytest.raises(
        Unhealthy, match="pipeline vision is not healthy: 400 b'no photo'"
    ):
        ask(port, "vision", b"dog")


def test_missing_service_is_told():
    with pytest.raises(Unhealthy, match="pipeline vision is not healthy"):
        ask(1, "vision", b"cat")


def test_packaged_demo_is_pinned():
    demo = packaged_demo()

    assert demo.photo.uri.startswith("package://scikit-image@")
    assert (demo.file_name, demo.pipeline) == ("cat.png", "vision")

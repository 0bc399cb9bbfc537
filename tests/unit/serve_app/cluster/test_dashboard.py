import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from serve_app.cluster.dashboard import DashboardSilent, get, serve_details


class Page(BaseHTTPRequestHandler):
    """Answers Serve's state to whoever knows the token."""

    def do_GET(self):
        known = self.headers.get("Authorization") == "Bearer secret"
        body = {"/api/serve/applications/": b'{"applications": {}}', "/list": b"[]"}
        self.send_response(200 if known and self.path in body else 401)
        self.end_headers()
        self.wfile.write(body.get(self.path, b""))

    def log_message(self, *words):
        """Stay quiet."""


@pytest.fixture
def port():
    with ThreadingHTTPServer(("127.0.0.1", 0), Page) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join()


@pytest.fixture
def token(tmp_path):
    file = tmp_path / "token"
    file.write_text("secret")
    return file


def test_details_are_read_with_the_token(port, token):
    assert serve_details(port, token) == {"applications": {}}


def test_wrong_token_is_no_answer(port, token):
    token.write_text("guess")

    with pytest.raises(DashboardSilent, match=f"port {port} answered 401"):
        serve_details(port, token)


def test_nobody_listening_is_no_answer(port, token):
    with pytest.raises(DashboardSilent, match="no answer from port 1"):
        get(1, "/", token)

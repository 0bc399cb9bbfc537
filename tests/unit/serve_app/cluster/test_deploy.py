import json
import threading
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from configs.environment import Environment
from serve_app.cluster import deploy, state
from serve_app.cluster.errors import SettingsChanged
from serve_app.cluster.serve_file import ServeFile, fixed_options

RUNNING: Mapping[str, object] = {
    "proxy_location": "EveryNode",
    "http_options": {"port": 8000, "request_timeout_s": 60.0},
    "grpc_options": {"port": 9000, "enable_reflection": True},
}


class Dashboard(BaseHTTPRequestHandler):
    """Says what runs."""

    details: Mapping[str, object] = RUNNING

    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(json.dumps(self.details).encode())

    def log_message(self, *words):
        """Stay quiet."""


class Fresh(Dashboard):
    """Of a Ray on which Serve does not run yet."""

    details = dict.fromkeys(RUNNING)


@pytest.fixture
def environment(tmp_path, request):
    page = getattr(request, "param", Dashboard)
    with ThreadingHTTPServer(("127.0.0.1", 0), page) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        created = Environment(home=tmp_path, dashboard_port=server.server_port)
        created.run.mkdir()
        state.token_file(created).write_text("secret")
        yield created
        server.shutdown()
        thread.join()


def file(**groups):
    wanted = fixed_options({**RUNNING, **groups})
    return ServeFile(Path("serve.yaml"), ("a",), 8000, 9000, fixed=wanted)


def test_same_options_need_no_new_cluster(environment):
    deploy.require_same_options(environment, file())


@pytest.mark.parametrize(
    ("groups", "said"),
    [
        (
            {"grpc_options": {"port": 9001, "enable_reflection": False}},
            "grpc_options.port is 9000, not 9001; "
            "grpc_options.enable_reflection is True, not False",
        ),
        (
            {"http_options": {"port": 8000, "request_timeout_s": None}},
            "http_options.request_timeout_s is 60.0, not None",
        ),
        (
            {"proxy_location": "HeadOnly"},
            "proxy_location is EveryNode, not HeadOnly",
        ),
    ],
)
def test_option_that_serve_would_ignore_is_named(environment, groups, said):
    with pytest.raises(SettingsChanged) as refused:
        deploy.require_same_options(environment, file(**groups))

    assert str(refused.value) == (
        f"the running cluster has other settings ({said}); run `headwater down` first"
    )


@pytest.mark.parametrize("environment", [Fresh], indirect=True)
def test_everything_may_change_before_serve_runs(environment):
    deploy.require_same_options(environment, file(grpc_options={"port": 9001}))


def test_password_is_never_shown():
    options = {"http_options": {"ssl_keyfile_password": "open sesame"}}

    assert fixed_options(options) == {}

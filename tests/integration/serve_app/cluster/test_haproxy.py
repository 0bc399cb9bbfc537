"""Our start script on the configuration that the installed Ray Serve writes."""

import difflib
import inspect
import os
import subprocess
from pathlib import Path

import pytest
import yaml
from ray.serve._private.constants import SERVE_HTTP_REQUEST_DISCONNECT_DISABLED_HEADER
from ray.serve._private.haproxy import HAProxyManager
from ray.serve._private.haproxy_templates import HAPROXY_CONFIG_TEMPLATE

import serve_app.cluster

SERVE_FILE = Path(serve_app.__file__).parents[1] / "serve_config.yaml"
SCRIPT = Path(serve_app.cluster.__file__).parent / "haproxy.sh"

RENDERED = """
frontend prometheus
    bind :9101
    mode http
frontend http_frontend
    bind *:8000
backend http-main
    http-reuse always
    server replica 127.0.0.1:30000 check
backend http-headwater
    http-reuse always
    server replica 127.0.0.1:30002 check
frontend grpc_frontend
    bind *:9000 proto h2
    mode http
backend grpc-main
    mode http
    http-reuse always
    server replica 127.0.0.1:31000 proto h2 check
listen stats
  bind *:8404
"""


@pytest.fixture
def mended(tmp_path):
    config = tmp_path / "haproxy.cfg"
    config.write_text(RENDERED)
    done = subprocess.run(
        [SCRIPT, "-db", "-f", config, "-sf", "12"],
        env={**os.environ, "HEADWATER_HAPROXY": "/bin/echo"},
        capture_output=True,
        text=True,
        check=True,
    )
    return config.read_text(), done.stdout.strip(), config


def test_words_reach_the_real_program(mended):
    _, words, config = mended

    assert words == f"-db -f {config} -sf 12"


def test_only_the_mended_places_change(mended):
    text, _, _ = mended

    changed = [
        line
        for line in difflib.ndiff(RENDERED.split("\n"), text.split("\n"))
        if line.startswith("+ ")
    ]
    assert changed == [
        "+     bind 127.0.0.1:9101",
        "+     http-reuse never",
        "+     option http-buffer-request",
        "+     http-reuse never",
        "+     option http-buffer-request",
        "+     http-request set-header x-request-disconnect-disabled ?1",
        "+   bind 127.0.0.1:8404",
    ]


def test_backend_without_servers_ends_where_the_next_part_begins(tmp_path):
    """Streams over gRPC must never be held."""
    config = tmp_path / "haproxy.cfg"
    config.write_text(
        "backend http-main\nfrontend grpc_frontend\n    mode http\n"
        "backend grpc-main\n    http-reuse always\n    server replica 127.0.0.1:1\n"
    )
    before = config.read_text()

    subprocess.run(
        [SCRIPT, "-f", config],
        env={**os.environ, "HEADWATER_HAPROXY": "/bin/true"},
        check=True,
    )

    assert config.read_text() == before


def test_application_of_the_serve_file_is_the_one_that_watches_its_clients():
    (application,) = yaml.safe_load(SERVE_FILE.read_text())["applications"]

    assert f"^backend http-{application['name']}$" in SCRIPT.read_text()


@pytest.mark.parametrize(
    "line",
    [
        "frontend prometheus\n    bind :{{ config.metrics_port }}\n    mode http\n",
        "listen stats\n  bind *:{{ config.stats_port }}\n",
        "\n    http-reuse always\n",
        "\n    server {{ server.name }} {{ server.host }}:{{ server.port }}",
        "\n    errorfile 502 {{ config.error_file_path }}\n    errorfile 503 ",
        "\nfrontend http_frontend\n",
        "\nbackend default_backend\n    http-request return status 404 ",
    ],
)
def test_ray_still_writes_what_the_script_looks_for(line):
    assert line in HAPROXY_CONFIG_TEMPLATE


def test_names_of_backends_start_with_their_protocol():
    naming = inspect.getsource(HAProxyManager._generate_backend_name)

    assert "{target_group.protocol.value.lower()}-" in naming


def test_ray_serve_still_knows_the_header_that_is_set():
    assert SERVE_HTTP_REQUEST_DISCONNECT_DISABLED_HEADER in SCRIPT.read_text()

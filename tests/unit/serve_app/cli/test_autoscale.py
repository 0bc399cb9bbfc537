import json

import numpy as np
import pytest
from typer.testing import CliRunner

from deployments.autoscaling.errors import PolicyUnknown, TraceUnreadable
from serve_app.cli.main import app


@pytest.fixture
def file(tmp_path):
    counts = np.random.default_rng(0).poisson(40, 1300)
    np.savez(tmp_path / "made.npz", rps=counts, resolution_s=1)
    return str(tmp_path / "made.npz")


def run(*words):
    return CliRunner().invoke(app, ["autoscale", "replay", *words])


def test_one_policy_as_json_is_one_object(file):
    ended = run(file, "--policy", "headwater", "--cold-start", "10", "--json")

    found = json.loads(ended.stdout)
    assert ended.stderr == ""
    assert ended.exit_code == 0
    assert found["policy"] == "headwater"
    assert found["violations_percent"] >= 0
    assert found["cost_vs_oracle"] > 0.5


def test_all_policies_make_a_table_and_a_plot(file, tmp_path):
    plot = tmp_path / "plot.png"

    ended = run(file, "--policy", "all", "--plot", str(plot))

    assert ended.exit_code == 0
    for policy in ("static", "ray-tuned", "knative", "hpa", "oracle", "headwater"):
        assert policy in ended.stdout
    assert plot.read_bytes().startswith(b"\x89PNG")


def test_unknown_policy_is_refused(file):
    ended = run(file, "--policy", "magic")

    assert isinstance(ended.exception, PolicyUnknown)
    assert "there are all, static" in str(ended.exception)


def test_what_is_no_trace_is_refused(tmp_path):
    file = tmp_path / "photo.npz"
    file.write_bytes(b"photo")

    ended = run(str(file))

    assert isinstance(ended.exception, TraceUnreadable)


def test_help_names_the_policies():
    shown = run("--help").stdout

    assert "ray-default" in shown
    assert "--cold-start" in shown

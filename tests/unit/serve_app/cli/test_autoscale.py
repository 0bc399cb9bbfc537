import json
import time

import numpy as np
import pytest
from typer.testing import CliRunner

from deployments.autoscaling.errors import (
    NothingMeasured,
    PolicyUnknown,
    TraceUnreadable,
)
from deployments.autoscaling.live import journal
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


def decided(home, **rest):
    """What the journal of an installation holds of its ingress."""
    line = {"kind": "decision", "name": "ingress", "replicas": 1, "reason": "steady"}
    at_s = time.time()  # noqa: TID251 - the command asks about today
    line |= {"at_s": at_s, "start_s": 23.4, "per_replica": 8.0, **rest}
    journal.append(home / "autoscaling" / "app", [line])


def test_replicas_are_as_a_deployment_was_measured(file, tmp_path, monkeypatch):
    monkeypatch.setenv("HEADWATER_HOME", str(tmp_path))
    decided(tmp_path, service_s=0.5)

    ended = run(file, "--policy", "static-peak", "--cold-start", "ingress", "--json")

    found = json.loads(ended.stdout)
    assert found["cold_start_s"] == 23
    assert found["peak_replicas"] == pytest.approx(40 / 8, rel=0.8)


def test_deployment_that_answered_nothing_is_no_measure(file, tmp_path, monkeypatch):
    monkeypatch.setenv("HEADWATER_HOME", str(tmp_path))
    decided(tmp_path)

    ended = run(file, "--cold-start", "ingress")

    assert isinstance(ended.exception, NothingMeasured)
    assert "ingress: has answered nothing in this span" in str(ended.exception)


def test_start_that_takes_no_time_is_refused(file):
    ended = run(file, "--cold-start", "0")

    assert ended.exit_code == 2

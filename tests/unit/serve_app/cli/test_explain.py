"""`headwater autoscale explain`, on what a policy in front of a made-up cluster wrote."""

import json

import pytest
from typer.testing import CliRunner, Result

from deployments.autoscaling.errors import NothingDecided, SinceUnclear
from serve_app.cli.autoscale import app
from tests.fakes_scaling import Town, spec


def call(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["explain", *arguments], env={"COLUMNS": "250"})


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("HEADWATER_HOME", str(tmp_path))
    return tmp_path


@pytest.fixture
def ramp(home):
    town = Town(home)
    town.run(10, 2)
    town.run(60, 60)
    return town


SINCE = ("--since", "2025-06-16")
"""The town's clock began on that day."""


def test_decisions_and_starts_are_told_with_their_reasons(ramp):
    shown = call("ingress", *SINCE)

    assert shown.exit_code == 0, shown.output
    last = ramp.lines("start")[-1]
    row = next(line for line in shown.output.splitlines() if last["replica"] in line)
    assert ("decision" in row, last["reason"] in row) == (True, True)
    assert "one replica serves" in shown.output
    assert "a reactive rule would hold" in shown.output
    assert "replica-seconds" in shown.output


def test_json_has_every_line_in_order_of_time(ramp):
    shown = call("ingress", "--json", *SINCE)

    told = [json.loads(line) for line in shown.output.splitlines()]
    written = ramp.lines("decision") + ramp.lines("start")
    assert len(told) == len(written)
    assert [one["at_s"] for one in told] == sorted(one["at_s"] for one in written)


def test_shadow_is_said(home):
    Town(home, spec(mode="always_warm", shadow=True)).run(20, 5)

    shown = call("ingress", *SINCE).output

    assert "8 (shadow)" in shown
    assert "it only watches (shadow)" in shown


def test_plot_is_written(ramp, tmp_path):
    pytest.importorskip("matplotlib")

    call("ingress", *SINCE, "--plot", str(tmp_path / "told.png"))

    assert (tmp_path / "told.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (("ingres", *SINCE), NothingDecided),
        (("ingress", "--since", "1s"), NothingDecided),
        (("ingress", "--since", "lately"), SinceUnclear),
    ],
)
def test_what_cannot_be_told_is_an_error(ramp, arguments, error):
    assert isinstance(call(*arguments).exception, error)

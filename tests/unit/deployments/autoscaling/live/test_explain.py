from datetime import datetime, timezone

import pytest

from deployments.autoscaling.errors import NothingDecided, SinceUnclear
from deployments.autoscaling.live import journal
from deployments.autoscaling.live.explain import history, since_s


def line(at_s, replicas=1, reason="steady", name="m", **rest):
    told = {"kind": "decision", "at_s": float(at_s), "name": name, "target": 1}
    return told | {"replicas": replicas, "reason": reason, "reactive": 2} | rest


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "app"
    journal.append(
        folder,
        [
            line(100),
            line(110),
            line(112, 3, "spike"),
            {"kind": "start", "at_s": 118.0, "name": "m", "replica": "r"},
            line(120, 3, "held", name="other"),
            line(122, 3, "held"),
            line(1000, 1, "forecast"),
        ],
    )
    return folder


def test_changes_are_the_decisions_that_differ(folder):
    told = history([folder], "m", 0.0)

    assert [one["at_s"] for one in told.changes] == [100, 112, 122, 1000]
    assert [one["replica"] for one in told.starts] == ["r"]


def test_only_what_is_young_enough_is_told(folder):
    assert [one["at_s"] for one in history([folder], "m", 112).decisions] == [
        112,
        122,
        1000,
    ]


def test_replica_seconds_leave_out_the_time_nobody_wrote(folder):
    told = history([folder], "m", 0.0)

    assert told.replica_seconds("replicas") == 10 + 2 + 3 * 10 + 3 * 15
    assert told.replica_seconds("target") == 10 + 2 + 10 + 15


def test_unknown_deployment_is_told_what_there_is(folder):
    with pytest.raises(NothingDecided, match=r"nobody: .* some of: m, other"):
        history([folder], "nobody", 0.0)


def test_no_journal_at_all_says_what_to_look_for():
    with pytest.raises(NothingDecided, match="does an application use the policy"):
        history([], "m", 0.0)


@pytest.mark.parametrize(
    ("text", "back_s"), [("90s", 90), ("1.5m", 90), ("2h", 7200), ("3d", 259_200)]
)
def test_spans_are_read(text, back_s):
    assert since_s(text, 1e9) == 1e9 - back_s


def test_iso_times_are_read_as_utc():
    wanted = datetime(2026, 1, 2, 3, 4, tzinfo=timezone.utc).timestamp()

    assert since_s("2026-01-02 03:04", 0.0) == wanted
    assert since_s("2026-01-02T04:04+01:00", 0.0) == wanted


@pytest.mark.parametrize("text", ["", "yesterday", "10", "10 m", "-5m"])
def test_unclear_times_are_refused(text):
    with pytest.raises(SinceUnclear, match="--since must be like 90s"):
        since_s(text, 0.0)

import os
import socket
from pathlib import Path

import psutil
import pytest

from configs.environment import Environment
from serve_app.cluster import lifecycle, plan, processes, state
from serve_app.cluster.errors import (
    NotRunning,
    PortTaken,
    SettingsChanged,
    StillRunning,
)
from serve_app.cluster.state import ClusterState


@pytest.fixture
def environment(tmp_path):
    created = Environment(home=tmp_path)
    created.run.mkdir()
    return created


@pytest.fixture
def taken_port():
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


@pytest.fixture
def remember(environment, tmp_path):
    """Write a state as `start` would have; the head is this very process."""

    def write(head=None, settings=environment):
        folder = tmp_path / "folder"
        folder.mkdir()
        cluster = ClusterState(
            run_id="nobody-has-this",
            started="2026-01-01T00:00:00+00:00",
            head=head,
            folder=folder,
            fingerprint=plan.fingerprint(settings),
            settings=plan.settings(settings),
        )
        state.write_state(environment, cluster)
        return cluster

    return write


def test_running_cluster_is_kept(environment, remember):
    known = remember(processes.mark(os.getpid()))

    assert lifecycle.start(environment, lambda line: None) == known


def test_running_cluster_with_other_settings_must_be_ended_first(environment, remember):
    remember(processes.mark(os.getpid()), Environment(home=environment.home, cpus=2))

    with pytest.raises(SettingsChanged) as refused:
        lifecycle.start(environment, lambda line: None)

    assert str(refused.value) == (
        "the running cluster has other settings (HEADWATER_CPUS is 2, not 8); "
        "run `headwater down` first"
    )


def test_leftovers_are_cleaned_before_ports_are_checked(
    environment, remember, taken_port
):
    cluster, said = remember(), list[str]()
    blocked = environment.model_copy(update={"ray_port": taken_port})

    with pytest.raises(PortTaken, match="HEADWATER_RAY_PORT"):
        lifecycle.start(blocked, said.append)

    assert said == ["cleaned up after run nobody-has-this: no process was left"]
    assert (cluster.folder.exists(), state.read_state(environment)) == (False, None)


def test_stopping_without_a_cluster_says_so(environment):
    assert lifecycle.stop(environment) == "nothing was running"


def test_run_that_cannot_be_ended_stays_remembered(environment, remember, monkeypatch):
    known = remember()
    monkeypatch.setattr(processes, "end_all", lambda find: [psutil.Process()])

    with pytest.raises(StillRunning, match=rf"\(pid {os.getpid()}\) outlived SIGKILL"):
        lifecycle.stop(environment)

    assert state.read_state(environment) == known


def test_ended_head_is_not_running(environment, remember):
    remember(processes.mark(os.getpid()).model_copy(update={"created": 1.0}))

    with pytest.raises(NotRunning, match="start one with `headwater up`"):
        lifecycle.require_running(environment)


def test_scripts_are_those_of_this_installation():
    assert Path(lifecycle.script("serve")).is_file()

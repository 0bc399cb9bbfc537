import stat
from pathlib import Path

import pytest

from configs.environment import Environment
from configs.errors import ConfigError
from serve_app.cluster import state
from serve_app.cluster.state import ClusterState, ProcessMark

CLUSTER = ClusterState(
    run_id="1a2b",
    started="2026-01-01T00:00:00+00:00",
    head=ProcessMark(pid=12, created=3.5),
    folder=Path("/tmp/hw-x"),
    fingerprint="f",
)


@pytest.fixture
def environment(tmp_path):
    created = Environment(home=tmp_path)
    created.run.mkdir()
    return created


def test_no_file_means_no_cluster(environment):
    assert state.read_state(environment) is None


def test_what_was_written_is_read(environment):
    state.write_state(environment, CLUSTER)

    assert state.read_state(environment) == CLUSTER


def test_state_and_token_are_for_their_owner_alone(environment):
    state.write_private(state.token_file(environment), "secret")

    mode = state.token_file(environment).stat().st_mode
    assert stat.S_IMODE(mode) == 0o600


def test_foreign_file_is_named(environment):
    state.state_file(environment).write_text("run: 7\n")

    with pytest.raises(ConfigError, match=r"state\.json: run_id: is required"):
        state.read_state(environment)


def test_forgetting_removes_the_token_too(environment):
    state.write_state(environment, CLUSTER)
    state.write_private(state.token_file(environment), "secret")

    state.forget_state(environment)

    assert list(environment.run.iterdir()) == []


def test_forgetting_twice_is_fine(environment):
    state.forget_state(environment)
    state.forget_state(environment)

    assert state.read_state(environment) is None

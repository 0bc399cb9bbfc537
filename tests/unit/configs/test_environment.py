from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from configs.environment import Environment, inherited, load_environment
from configs.errors import ConfigError


def test_nothing_set_means_the_defaults(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    environment = load_environment({})

    assert environment.home == tmp_path / ".headwater"
    assert environment.store == tmp_path / ".headwater" / "store"
    assert environment.catalogue is None


def test_paths_come_back_absolute(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    variables = {"HEADWATER_HOME": "there", "HEADWATER_CATALOGUE": "own"}

    environment = load_environment(variables)

    assert environment.home == tmp_path / "there"
    assert environment.catalogue == tmp_path / "own"


def test_every_field_can_be_set():
    environment = load_environment(
        {"HEADWATER_DASHBOARD_PORT": "9265", "HEADWATER_START_TIMEOUT_S": "7.5"}
    )

    assert (environment.dashboard_port, environment.start_timeout_s) == (9265, 7.5)


def test_unknown_variables_are_not_ours():
    environment = load_environment({"HEADWATER_RUN_ID": "x", "PATH": "/bin"})

    assert environment == load_environment({})


@pytest.mark.parametrize("value", ["many", "0", "70000"])
def test_refused_value_names_its_variable(value):
    with pytest.raises(ConfigError) as refused:
        load_environment({"HEADWATER_RAY_PORT": value})

    assert str(refused.value).startswith("environment: HEADWATER_RAY_PORT: ")


def test_two_settings_cannot_share_a_port():
    with pytest.raises(ConfigError, match="port 8265 is given twice"):
        load_environment({"HEADWATER_RAY_PORT": "8265"})


def test_a_port_cannot_lie_in_a_range():
    with pytest.raises(ConfigError, match="port 20500 is given twice"):
        load_environment({"HEADWATER_RAY_PORT": "20500"})


def test_defaults_stay_below_the_ports_of_outgoing_connections():
    environment = Environment()

    used = [*environment.ports().values()]
    used += [numbers.stop for numbers in environment.port_ranges().values()]

    assert max(used) < 32768


@given(st.integers(1024, 64000))
def test_ranges_hold_a_thousand_ports_from_where_they_start(start):
    environment = Environment.model_construct(worker_ports_from=start)

    workers = environment.port_ranges()["worker_ports_from"]

    assert (workers.start, len(workers)) == (start, 1000)


def test_children_do_not_inherit_the_way_to_another_cluster():
    ours = inherited({"PATH": "/bin", "RAY_ADDRESS": "x", "RAY_AUTH_TOKEN": "y"})

    assert ours == {"PATH": "/bin"}


def test_environment_is_frozen():
    with pytest.raises(ValueError, match="frozen"):
        Environment().home = Path("elsewhere")  # type: ignore[misc]

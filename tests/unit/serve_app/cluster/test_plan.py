import os
import subprocess
from pathlib import Path

import pytest

from configs.environment import Environment
from serve_app.cluster import plan

PLACE = plan.Place("1a2b3c4d", Path("/tmp/hw-abcdefgh"), Path("/home/run/token"))


def environment(**changes):
    return Environment(home=Path("/home"), **changes)


def test_every_port_is_given_to_ray():
    arguments = plan.ray_arguments(environment(), PLACE)

    named = {word.split("=")[0] for word in arguments if "port" in word}
    assert named == {
        "--port",
        "--ray-client-server-port",
        "--node-manager-port",
        "--object-manager-port",
        "--dashboard-port",
        "--dashboard-agent-listen-port",
        "--dashboard-agent-grpc-port",
        "--runtime-env-agent-port",
        "--metrics-export-port",
        "--min-worker-port",
        "--max-worker-port",
    }


def test_workers_never_meet_the_ports_of_replicas():
    moved = environment(worker_ports_from=12000)

    arguments = plan.ray_arguments(moved, PLACE)

    assert {"--min-worker-port=12000", "--max-worker-port=12999"} <= set(arguments)


def test_every_process_carries_the_mark_where_proc_shows_it():
    variables = plan.ray_variables(environment(), PLACE)

    assert (variables["HEADWATER_RUN_ID"], variables["SPT_NOENV"]) == ("1a2b3c4d", "1")


def test_clients_need_the_token_and_the_address():
    variables = plan.client_variables(environment(dashboard_port=9265), PLACE.token)

    assert variables == {
        "RAY_AUTH_MODE": "token",
        "RAY_AUTH_TOKEN_PATH": "/home/run/token",
        "RAY_DASHBOARD_ADDRESS": "http://127.0.0.1:9265",
    }


def test_replicas_see_home_and_catalogue():
    own = environment(catalogue=Path("/own"))

    variables = plan.ray_variables(own, PLACE)

    assert variables["HEADWATER_HOME"] == "/home"
    assert variables["HEADWATER_CATALOGUE"] == "/own"


def test_unset_catalogue_is_not_handed_on():
    assert "HEADWATER_CATALOGUE" not in plan.ray_variables(environment(), PLACE)


def test_haproxy_keeps_its_files_in_the_run():
    variables = plan.ray_variables(environment(), PLACE)

    names = (
        "CONFIG_FILE_LOC",
        "SOCKET_PATH",
        "METRICS_SOCKET_PATH",
        "SERVER_STATE_FILE",
    )
    folders = {Path(variables[f"RAY_SERVE_HAPROXY_{name}"]).parent for name in names}
    assert folders == {Path("/tmp/hw-abcdefgh/ha")}


def test_haproxy_is_started_by_our_script():
    variables = plan.ray_variables(environment(), PLACE)

    program = Path(variables["RAY_SERVE_HAPROXY_BINARY_PATH"])
    assert os.access(program, os.X_OK)
    assert Path(variables["HEADWATER_HAPROXY"]).is_file()


def test_haproxy_sockets_fit_into_97_characters():
    node_id = "0" * 56
    variables = plan.ray_variables(environment(), PLACE)
    socket = Path(variables["RAY_SERVE_HAPROXY_METRICS_SOCKET_PATH"])

    assert len(str(socket.parent / node_id / socket.name)) <= 97


@pytest.mark.parametrize(
    "change", [{"cpus": 4}, {"worker_ports_from": 12000}, {"haproxy_stats_port": 8405}]
)
def test_fingerprint_changes_with_whatever_needs_a_new_start(change):
    assert plan.fingerprint(environment()) != plan.fingerprint(environment(**change))


def test_grpc_doors_take_what_the_body_limit_lets_in():
    variables = plan.ray_variables(environment(max_body_bytes=100 * 2**20), PLACE)

    assert variables["RAY_SERVE_GRPC_MAX_MESSAGE_SIZE"] == str(101 * 2**20)
    assert variables["RAY_SERVE_REPLICA_GRPC_MAX_MESSAGE_LENGTH"] == str(200 * 2**20)
    assert variables["HEADWATER_MAX_BODY_BYTES"] == str(100 * 2**20)


def test_messages_between_replicas_stay_large_when_bodies_are_small():
    assert environment(max_body_bytes=1024).hop_bytes == 64 * 2**20


def test_fingerprint_ignores_how_long_we_wait():
    patient = environment(start_timeout_s=900, deploy_timeout_s=900)

    assert plan.fingerprint(patient) == plan.fingerprint(environment())


def test_path_line_puts_a_folder_first():
    assert plan.path_line(Path("/a b")) == "export PATH='/a b':\"$PATH\"\n"


def test_shell_lines_export():
    assert plan.shell_lines({"A": "1", "B": "x y"}) == "export A=1\nexport B='x y'\n"


@pytest.mark.parametrize("text", ["it's here", 'a "b"', "$HOME `id` \\ !"])
def test_shell_reads_back_what_was_exported(text):
    lines = plan.shell_lines({"A": text}) + plan.path_line(Path("/") / text)

    told = subprocess.run(
        ["/bin/sh", "-c", lines + 'printf "%s|%s" "$A" "$PATH"'],
        env={"PATH": "/bin"},
        capture_output=True,
        text=True,
        check=True,
    )

    assert told.stdout == f"{text}|/{text}:/bin"


def test_settings_are_named_by_their_variables():
    named = plan.settings(environment(ray_port=6380))

    assert (named["HEADWATER_RAY_PORT"], named["HEADWATER_HOME"]) == ("6380", "/home")
    assert "HEADWATER_DEPLOY_TIMEOUT_S" not in named

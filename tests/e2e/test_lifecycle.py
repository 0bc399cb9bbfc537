"""`headwater up`, `serve deploy` by hand and `headwater down`, as a user runs them."""

import os
import shlex
import subprocess

import pytest

from serve_app.cluster import lifecycle, state
from tests.e2e.cluster import (
    LIFECYCLE_PORTS,
    Cluster,
    as_variables,
    environment_at,
    processes_of,
    serve_file_at,
)

BROKEN = """
from ray import serve

@serve.deployment(num_replicas=1, ray_actor_options={"num_cpus": 0.1})
class Stubborn:
    def __init__(self):
        raise RuntimeError("the drawer is empty")

    def __call__(self):
        return "never"

app = Stubborn.bind()
"""


class Shell:
    """Runs commands as an operator of one installation would."""

    def __init__(self, environment, folder):
        self.environment, self.folder = environment, folder
        self.file = serve_file_at(LIFECYCLE_PORTS, folder / "serve_config.yaml")
        self._variables = {
            **os.environ,
            **as_variables(environment),
            "PYTHONPATH": str(folder),
            "NO_COLOR": "1",
            "COLUMNS": "200",
        }

    def headwater(self, *words):
        return self._run([lifecycle.script("headwater"), *words])

    def by_hand(self, line):
        """A shell line after the exports that `up` wrote, our commands in the path."""
        exports = shlex.quote(str(self.environment.home / "env.sh"))
        return self._run(["bash", "-c", f". {exports}; {line}"])

    def _run(self, command):
        return subprocess.run(
            command,
            cwd=self.folder,
            env=self._variables,
            capture_output=True,
            text=True,
            timeout=400,
            check=False,
        )


@pytest.fixture(scope="module")
def shell(store, tmp_path_factory):
    folder = tmp_path_factory.mktemp("lifecycle")
    environment = environment_at(LIFECYCLE_PORTS, folder / "it's home", store)
    (folder / "stubborn.py").write_text(BROKEN)
    yield Shell(environment, folder)
    lifecycle.stop(environment)


@pytest.fixture(scope="module")
def first_up(shell):
    return shell.headwater("up")


def ingress(content):
    return content["applications"][0]["deployments"][0]


def test_up_ends_with_labels_of_a_photo(first_up):
    assert (first_up.returncode, "cat" in first_up.stdout.split("probability")[1]) == (
        0,
        True,
    ), first_up.stdout + first_up.stderr


def test_second_up_keeps_the_cluster_and_builds_nothing(shell, first_up):
    before = state.read_state(shell.environment)

    again = shell.headwater("up", "--no-demo")

    assert again.returncode == 0, again.stderr
    assert ", 0 of them built now" in again.stdout
    assert state.read_state(shell.environment) == before


def test_serve_deploy_by_hand_changes_the_number_of_replicas(shell, first_up):
    one_less = shell.folder / "edited.yaml"
    serve_file_at(
        LIFECYCLE_PORTS, one_less, edit=lambda c: ingress(c).update(num_replicas=1)
    )

    sent = shell.by_hand(f"serve deploy {one_less}")

    cluster = Cluster(LIFECYCLE_PORTS, shell.environment)
    cluster.follow(one_less)
    assert (sent.returncode, len(cluster.replica_pids())) == (0, 1), sent.stderr


def test_status_lists_the_deployment(shell, first_up):
    shown = shell.headwater("status")

    assert "ingress" in shown.stdout, shown.stderr


def test_broken_deployment_is_named_with_its_reason(shell, first_up):
    app = {"name": "main", "import_path": "stubborn:app", "route_prefix": "/"}
    file = serve_file_at(
        LIFECYCLE_PORTS,
        shell.folder / "broken.yaml",
        edit=lambda content: content.update(applications=[app]),
    )

    failed = shell.headwater("up", "--no-demo", "--config", str(file))

    assert failed.returncode == 1
    assert "deployment Stubborn of application main is not healthy" in failed.stderr
    assert "the drawer is empty" in failed.stderr


def test_moved_grpc_door_is_named_and_nothing_is_deployed(shell, first_up):
    file = serve_file_at(
        LIFECYCLE_PORTS,
        shell.folder / "moved.yaml",
        edit=lambda content: content["grpc_options"].update(port=LIFECYCLE_PORTS + 2),
    )

    failed = shell.headwater("up", "--no-demo", "--config", str(file))

    assert failed.returncode == 1
    wanted = f"(grpc_options.port is {LIFECYCLE_PORTS + 1}, not {LIFECYCLE_PORTS + 2})"
    assert wanted in failed.stderr


def test_unknown_key_is_named_before_anything_is_deployed(shell):
    file = serve_file_at(
        LIFECYCLE_PORTS,
        shell.folder / "misspelt.yaml",
        edit=lambda c: ingress(c).update(num_replica=3),
    )

    failed = shell.headwater("up", "--config", str(file))

    assert failed.returncode == 1
    assert "misspelt.yaml: applications.0.deployments.0.num_replica:" in failed.stderr


def test_up_replaces_a_cluster_that_was_killed(shell, first_up):
    before = state.read_state(shell.environment)
    assert before is not None
    for process in processes_of(before.run_id):
        if process.name() in ("raylet", "ray"):
            process.kill()

    again = shell.headwater("up", "--no-demo")

    assert again.returncode == 0, again.stderr
    assert processes_of(before.run_id) == []


def test_down_leaves_no_process_of_the_run(shell, first_up):
    known = state.read_state(shell.environment)
    assert known is not None
    assert processes_of(known.run_id), "unmarked, the test below would prove nothing"

    ended = shell.headwater("down")

    assert (ended.returncode, processes_of(known.run_id)) == (0, []), ended.stdout
    assert state.read_state(shell.environment) is None

"""The predictive policy in the real controller: it starts replicas and remembers why."""

import concurrent.futures
import json
import os
import re
import signal
import subprocess
import threading
import time
from datetime import datetime, timedelta, timezone

import httpx
import pytest

from deployments.autoscaling import state as learnt
from serve_app.cluster import lifecycle, state
from serve_app.cluster.dashboard import DashboardSilent
from serve_app.cluster.plan import client_variables
from serve_app.cluster.serve_file import OUR_POLICY
from serve_app.scaling.shell import folder_of
from tests.e2e.calls import TIMEOUT_S
from tests.e2e.cluster import as_variables, processes_of
from tests.tiny_models import SLOW

CLIENTS = 8
ROUNDS = 40
"""Work of one request, 0.4 to 2 s of a core; a replica has one slot for it."""

LIMIT_S = 240


def autoscaled(content):
    """Scheduled to two replicas now, at most three, for models that take their time."""
    application = content["applications"][0]
    now = datetime.now(tz=timezone.utc)
    span = {
        "start": f"{now - timedelta(hours=2):%H:%M}",
        "end": f"{now + timedelta(hours=4):%H:%M}",
        "min_replicas": 2,
    }
    capacity = {"requests_per_s": 1, "slots": 1, "wait_budget_s": 1}
    ingress = {"max_replicas": 3, "capacity": capacity, "schedule": [span]}
    application["args"] = {
        "pipelines": ["slow"],
        "autoscaling": {
            "deployments": {"ingress": ingress},
            "fleet": {"node_start_s": 30},
        },
    }
    application["autoscaling_policy"] = {"policy_function": OUR_POLICY}
    del application["deployments"][0]["num_replicas"]


def one_replica(content):
    """The same model at one replica, from which the policy has to start."""
    application = content["applications"][0]
    application["args"] = {"pipelines": ["slow"]}
    application["deployments"][0]["num_replicas"] = 1


@pytest.fixture(scope="module")
def scaled(cluster):
    cluster.deploy(edit=one_replica)
    cluster.wait_replicas(1)
    cluster.deploy(edit=autoscaled)
    return cluster


def wait_for(what, limit_s=LIMIT_S):
    """What `what` gives as soon as that is something."""
    ends = time.monotonic() + limit_s
    while not (found := what()):
        assert time.monotonic() < ends, what
        time.sleep(0.5)
    return found


def explain(cluster, *options):
    """What the command says about the ingress."""
    command = [lifecycle.script("headwater"), "autoscale", "explain", "ingress"]
    return subprocess.run(
        [*command, *options],
        env={**os.environ, **as_variables(cluster.environment)},
        capture_output=True,
        text=True,
        check=False,
    )


def lines(cluster):
    told = explain(cluster, "--json", "--since", "1d")
    return [json.loads(line) for line in told.stdout.splitlines()]


def starts(cluster):
    return [one for one in lines(cluster) if one["kind"] == "start"]


def test_minimum_of_the_schedule_is_started(scaled):
    scaled.wait_replicas(2)

    wait_for(lambda: "minimum" in {one["reason"] for one in starts(scaled)})


def test_backlog_starts_a_replica_and_explain_says_which_decision_did(scaled):
    scaled.wait_replicas(2)
    tensor = {"name": "rounds", "datatype": "INT64", "shape": [1, 1], "data": [ROUNDS]}
    url, stop = f"{scaled.http}/v2/models/{SLOW}/infer", threading.Event()

    def ask_on():
        with httpx.Client(timeout=TIMEOUT_S) as client:
            while not stop.is_set():
                client.post(url, json={"inputs": [tensor]})

    with concurrent.futures.ThreadPoolExecutor(CLIENTS) as clients:
        for _ in range(CLIENTS):
            clients.submit(ask_on)
        try:
            scaled.wait_replicas(3)
        finally:
            stop.set()

    last = wait_for(lambda: [one for one in starts(scaled) if one["replicas"] == 3])[-1]
    assert (last["cause"], bool(last["reason"])) == ("decision", True)
    assert last["took_s"] > last["load_s"] > 0
    shown = explain(scaled).stdout
    assert last["replica"] in shown
    assert last["reason"] in shown


def test_cluster_autoscaler_is_told_what_will_be_needed(scaled):
    here = scaled.environment
    command = [lifecycle.script("ray"), "status"]
    token = client_variables(here, state.token_file(here))

    def asked():
        told = subprocess.run(
            [*command, "--address", f"127.0.0.1:{here.ray_port}"],
            env={**os.environ, **token},
            capture_output=True,
            text=True,
            check=False,
        )
        return re.search(
            r"\{'CPU': 1(?:\.0)?\}: (\d+) from request_resources", told.stdout
        )

    assert int(wait_for(asked).group(1)) in (2, 3)


def test_figures_are_exported_and_nothing_has_failed(scaled):
    address = f"http://127.0.0.1:{scaled.environment.node_metrics_port}/metrics"

    def shown():
        text = httpx.get(address, timeout=TIMEOUT_S).text
        return text if "headwater_autoscaling_wanted_replicas{" in text else None

    text = wait_for(shown)
    (wanted,) = [
        line
        for line in text.splitlines()
        if "headwater_autoscaling_wanted_replicas{" in line
    ]
    assert 'deployment="ingress"' in wanted
    assert "headwater_autoscaling_errors{" not in text


def test_killed_controller_knows_what_was_learnt_and_keeps_the_replicas(scaled):
    file = folder_of(scaled.environment.home, "headwater") / "state.npz"
    measured = wait_for(lambda: measured_starts(file))
    pids = set(scaled.replica_pids())
    known = state.read_state(scaled.environment)
    assert known is not None
    (controller,) = [
        one for one in processes_of(known.run_id) if "ServeController" in one.name()
    ]

    os.kill(controller.pid, signal.SIGKILL)
    killed_s = time.time()  # noqa: TID251 - compared with a file's time

    wait_for(lambda: file.stat().st_mtime > killed_s + 1)
    assert measured_starts(file) >= measured
    assert wait_for(lambda: found(scaled)) & pids


def measured_starts(file):
    if not file.exists():
        return 0
    return int(learnt.read(file)["ingress"]["starts"]["measured"])


def found(cluster):
    try:
        return set(cluster.replica_pids())
    except (DashboardSilent, KeyError):
        return set()

"""What a process of the cluster is for."""

import pytest

from benchmarks.processes import OTHER, role_of


@pytest.mark.parametrize(
    ("name", "command", "role"),
    [
        ("haproxy", "/x/haproxy -db -f /tmp/h/haproxy.cfg", "HAProxy"),
        ("ray::ServeRepl", "ray::ServeReplica:headwater:ingress", "replica ingress"),
        (
            "ray::ServeRepl",
            "ray::ServeReplica:plain:PlainModel.handle_request_streaming",
            "replica PlainModel",
        ),
        ("ray::ServeCont", "ray::ServeController.run_control_loop", "Serve controller"),
        ("ray::HAProxyMa", "ray::HAProxyManager", "HAProxy manager"),
        ("ray::ProxyActo", "ray::ProxyActor.receive", "Python proxy"),
        ("raylet", "/x/ray/core/src/ray/raylet/raylet --a=b", "raylet"),
        ("gcs_server", "/x/ray/core/src/ray/gcs/gcs_server --log_dir=x", "GCS"),
        ("python3", "python -u /x/ray/dashboard/agent.py --x", "dashboard agent"),
        ("python3", "python -u /x/ray/_private/log_monitor.py", OTHER),
        ("ray", "", OTHER),
    ],
)
def test_role_follows_from_name_and_command_line(name, command, role):
    assert role_of(name, command) == role


def test_replica_of_a_model_keeps_the_colon_of_its_name():
    command = "ray::ServeReplica:headwater:model:efficientnet-lite0"

    assert role_of("ray::ServeRepl", command) == "replica model:efficientnet-lite0"

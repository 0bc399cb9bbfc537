"""A deployment of one's own that scales by its tokens, in the real controller."""

import time

import httpx

from serve_app.cluster.serve_file import OUR_POLICY
from tests.e2e.calls import TIMEOUT_S
from tests.e2e.cluster import ROOT
from tests.e2e.talker import NAME

LIMIT_S = 120


def talking(content):
    """Only the talker, under our policy."""
    content["applications"] = [
        {
            "name": "talk",
            "import_path": "tests.e2e.talker:app",
            "route_prefix": "/talk",
            "runtime_env": {"env_vars": {"PYTHONPATH": str(ROOT)}},
            "autoscaling_policy": {"policy_function": OUR_POLICY},
        }
    ]


def test_few_requests_of_many_tokens_start_a_replica(cluster):
    cluster.deploy(edit=talking)
    cluster.wait_replicas(1, NAME)
    ends = time.monotonic() + LIMIT_S

    with httpx.Client(timeout=TIMEOUT_S) as client:
        while len(cluster.replica_pids(NAME)) < 2:
            assert time.monotonic() < ends, cluster.details()
            told = client.get(f"{cluster.http}/talk", params={"tokens": 5000})
            assert told.text == "5000"
            time.sleep(1)

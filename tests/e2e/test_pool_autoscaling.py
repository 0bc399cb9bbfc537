"""A pool that grows with the work of its models."""

import pytest

from serve_app.cluster.serve_file import OUR_POLICY
from tests.e2e.pool_calls import Asked, Pool
from tests.tiny_models import SLOW

POOL, LOADED = "shelf", "tiny-a"


def autoscaled(content):
    """One replica at first, at most two; a row of the slow model takes a slot its time."""
    application = content["applications"][0]
    capacity = {"requests_per_s": 1, "slots": 1, "wait_budget_s": 0.1}
    scaling = {POOL: {"max_replicas": 2, "capacity": capacity}}
    application["args"] = {
        "pipelines": ["tiny"],
        "pools": {POOL: {"models": [SLOW, LOADED], "memory_bytes": 2**30}},
        "autoscaling": {"deployments": scaling},
    }
    application["autoscaling_policy"] = {"policy_function": OUR_POLICY}
    for deployment in application["deployments"]:
        deployment.pop("num_replicas", None)
    pool = {"name": POOL, "ray_actor_options": {"num_cpus": 0.5}}
    application["deployments"].append(pool)


@pytest.fixture(scope="module")
def pool(cluster):
    cluster.deploy(edit=autoscaled)
    return Pool(cluster)


def test_pool_grows_with_its_work_and_the_new_replica_has_what_was_asked(pool, cluster):
    cluster.wait_replicas(1, POOL)
    pool.load(LOADED)
    assert pool.states(LOADED) == ["READY"]
    asked = Asked(lambda client: pool.ask_slow(client))

    cluster.wait_replicas(2, POOL)

    pool.wait_states("READY", "READY", model=LOADED)
    pool.wait_states("READY", "READY", model=SLOW)
    asked.stop()
    assert asked.answers
    assert [answer.text for answer in asked.failed] == []

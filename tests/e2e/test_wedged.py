"""A model whose runs or loads do not end: its replica is replaced, the pool serves on."""

import pytest

from tests.e2e.cluster import HANGING
from tests.e2e.pool_calls import Pool, wait_until
from tests.tiny_models import ENDLESS, SLOW

POOL, GOOD = "shelf", "tiny-a"
CRASHES = 2

GIVEN_UP_S = 3
"""Far more than a row of the other model takes."""

LOAD_GIVEN_UP_S = 15
"""Some hundred times what the load of the other model takes."""


def edited(content):
    application = content["applications"][0]
    room = {"memory_bytes": 2**30, "quarantine_after_crashes": CRASHES}
    room |= {"load_timeout_s": LOAD_GIVEN_UP_S}
    application["args"] = {
        "pipelines": ["tiny"],
        "pools": {POOL: {"models": [SLOW, HANGING, GOOD], **room}},
        "replica": {"run_timeout_s": GIVEN_UP_S, "request_timeout_s": 60},
    }
    pool = {"name": POOL, "num_replicas": 1, "health_check_period_s": 1}
    application["deployments"].append(pool)


@pytest.fixture(scope="module")
def pool(cluster):
    cluster.deploy(edit=edited)
    return Pool(cluster)


def wait_replaced(cluster, wedged):
    wait_until(lambda: not {*wedged} & {*cluster.replica_pids(POOL)})
    cluster.wait_replicas(1, POOL)


def test_model_that_wedges_its_replicas_is_quarantined_and_the_others_serve_on(
    pool, cluster
):
    assert pool.ask(GOOD).status_code == 200
    for _ in range(CRASHES):
        wedged = cluster.replica_pids(POOL)
        wait_until(lambda: pool.ask_slow(rounds=ENDLESS).status_code == 500)
        wait_replaced(cluster, wedged)

    wait_until(lambda: pool.ask(GOOD).status_code == 200)
    refused = pool.ask_slow(rounds=1)
    assert refused.status_code == 503
    assert f"quarantined after {CRASHES} crashes" in refused.json()["error"]
    assert pool.ask(GOOD).status_code == 200


def test_replica_whose_load_does_not_end_is_replaced_and_the_others_serve_on(
    pool, cluster
):
    wedged = cluster.replica_pids(POOL)

    refused = pool.ask_slow(model=HANGING)

    assert refused.status_code == 503
    assert f"is not loaded after {LOAD_GIVEN_UP_S} s" in refused.json()["error"]
    wait_replaced(cluster, wedged)
    wait_until(lambda: pool.ask(GOOD).status_code == 200)

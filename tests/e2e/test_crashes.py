"""A replica that dies at a model, in a run or in a load: what its client and others see."""

import os
import signal
import threading

import pytest

from deployments.residency.blackbox import run_folder
from deployments.residency.wrecks import BOX, LOADING, RECORD, RUNNING
from tests.e2e.cluster import ABORTING, DYING
from tests.e2e.pool_calls import Pool, wait_until
from tests.tiny_models import ENDLESS

POOL, GOOD = "shelf", "tiny-a"
CRASHES = 2


def edited(content):
    application = content["applications"][0]
    room = {"memory_bytes": 2**30, "quarantine_after_crashes": CRASHES}
    pools = {POOL: {"models": [ABORTING, DYING, GOOD], **room}}
    application["args"] = {"pipelines": ["tiny"], "pools": pools}
    application["deployments"].append({"name": POOL, "num_replicas": 1})


@pytest.fixture(scope="module")
def pool(cluster):
    cluster.deploy(edit=edited)
    return Pool(cluster)


class Client:
    """Asks an endless thing again and again until `last`; that one it waits for."""

    def __init__(self, pool, model):
        self._pool, self._model, self._is_last = pool, model, threading.Event()
        self.answers = []
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def last(self):
        self._is_last.set()

    def join(self):
        self._thread.join()
        return self.answers

    def _run(self):
        while not self._is_last.is_set():
            answer = self._pool.ask_slow(rounds=ENDLESS, model=self._model)
            self.answers.append(answer)


def replica_at(cluster, phase):
    """The process of a replica one of whose threads is at `phase`; None: none is."""
    folder = run_folder(cluster.environment.store)
    for pid in cluster.replica_pids(POOL):
        for box in folder.glob(f"{pid}-*{BOX}"):
            if phase in {row[1] for row in RECORD.iter_unpack(box.read_bytes())}:
                return pid
    return None


def kill_at(cluster, client, phase, how):
    """Kill the replica that is at `phase` for the client, and wait for the next one."""
    wait_until(lambda: replica_at(cluster, phase) is not None)
    client.last()
    victim = replica_at(cluster, phase)
    os.kill(victim, how)
    answers = client.join()
    wait_until(lambda: victim not in cluster.replica_pids(POOL))
    cluster.wait_replicas(1, POOL)
    return answers


@pytest.mark.parametrize(
    ("model", "phase", "how"),
    [(ABORTING, RUNNING, signal.SIGABRT), (DYING, LOADING, signal.SIGKILL)],
    ids=["native abort in a run", "kill -9 in a load"],
)
def test_model_that_its_replicas_die_at_is_quarantined_and_the_others_serve_on(
    pool, cluster, model, phase, how
):
    """A death in a run is held against a model only by what Python wrote at the signal."""
    for _ in range(CRASHES):
        answers = kill_at(cluster, Client(pool, model), phase, how)
        assert {answer.status_code for answer in answers} <= {500, 503}
        assert {tuple(answer.json()) for answer in answers} == {("error",)}
        wait_until(lambda: pool.ask(GOOD).status_code == 200)

    refused = pool.ask_slow(rounds=1, model=model)

    assert refused.status_code == 503
    assert f"quarantined after {CRASHES} crashes" in refused.json()["error"]
    assert pool.ask(GOOD).status_code == 200

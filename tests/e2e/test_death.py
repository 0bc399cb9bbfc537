"""What clients see when a replica is killed under load."""

import os
import signal
import threading
import time

import grpc
import httpx
import pytest

from tests.e2e.calls import ask_photo_http, ask_photos_grpc, grpc_stub

CLIENTS = 6
LOAD_S = 12.0
RETRIES = 20


class Load:
    """Clients that ask for one photo again and again, and keep what they got."""

    def __init__(self, base, content):
        self._base, self._content = base, content
        self._ends = time.monotonic() + LOAD_S
        self.answers: list[httpx.Response] = []
        self.closed = 0
        self._threads = [
            threading.Thread(target=self._ask_on, daemon=True) for _ in range(CLIENTS)
        ]
        for thread in self._threads:
            thread.start()

    def join(self):
        for thread in self._threads:
            thread.join(LOAD_S + 120)

    def _ask_on(self):
        while time.monotonic() < self._ends:
            try:
                self.answers.append(ask_photo_http(self._base, self._content))
            except httpx.TransportError:
                self.closed += 1


@pytest.fixture
def under_load(fused, cat):
    wanted = ask_photo_http(fused.http, cat).json()["labels"]
    load = Load(fused.http, cat)
    while len(load.answers) < CLIENTS:
        time.sleep(0.05)
    return fused, load, wanted


def test_killed_replica_costs_no_client_a_wrong_answer(under_load):
    cluster, load, wanted = under_load
    victim = cluster.replica_pids()[0]

    os.kill(victim, signal.SIGKILL)
    load.join()
    cluster.wait_replicas(2)

    good = [answer for answer in load.answers if answer.status_code == 200]
    assert [a for a in good if a.json()["labels"] != wanted] == []
    assert {answer.status_code for answer in load.answers} <= {200, 500, 502, 503}
    assert load.closed == 0
    assert few(len(load.answers) - len(good), len(load.answers))
    assert victim not in cluster.replica_pids()


def test_killed_replica_costs_no_grpc_client_a_wrong_answer(fused, cat):
    """The few calls that it had are refused with a code that says: try again."""
    stub = grpc_stub(fused.grpc)
    wanted = ask_photos_grpc(stub, cat).outputs
    ends, answers, refused = time.monotonic() + LOAD_S, [], []

    def ask_on():
        own = grpc_stub(fused.grpc)
        while time.monotonic() < ends:
            try:
                answers.append(ask_photos_grpc(own, cat).outputs)
            except grpc.RpcError as error:
                refused.append(error.code())

    threads = [threading.Thread(target=ask_on, daemon=True) for _ in range(CLIENTS)]
    for thread in threads:
        thread.start()
    while len(answers) < CLIENTS:
        time.sleep(0.05)
    os.kill(fused.replica_pids()[0], signal.SIGKILL)
    for thread in threads:
        thread.join(LOAD_S + 120)
    fused.wait_replicas(2)

    assert [answer for answer in answers if answer != wanted] == []
    assert set(refused) <= {grpc.StatusCode.UNAVAILABLE}
    assert few(len(refused), len(answers))


def test_service_is_whole_again_after_all_replicas_died(fused, cat):
    wanted = ask_photo_http(fused.http, cat).json()["labels"]
    for victim in fused.replica_pids():
        os.kill(victim, signal.SIGKILL)

    answer = retry(lambda: ask_photo_http(fused.http, cat))

    assert answer.json()["labels"] == wanted
    fused.wait_replicas(2)


def few(failed, asked):
    """A tenth, or on a slow machine what the clients had under way and once more."""
    return failed <= max(2 * CLIENTS, 0.1 * asked)


def retry(ask):
    """A client's own retry: any failure is asked again, with a pause."""
    for _ in range(RETRIES):
        try:
            answer = ask()
        except httpx.TransportError:
            answer = None
        if answer is not None and answer.status_code == 200:
            return answer
        time.sleep(1)
    raise AssertionError("the service did not come back")

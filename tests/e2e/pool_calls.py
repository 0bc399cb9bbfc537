"""The doors of a cluster, as an operator and clients of a pool use them."""

import threading
import time

import httpx

from tests.e2e.calls import TIMEOUT_S
from tests.tiny_models import FEATURES, SLOW

MODEL = "tiny-v"
ROW = [[1.0, 2.0, 3.0, 4.0]]
CLIENTS = 6
ROUNDS = 5
"""Work of a slow row: 50 to 250 ms of a core."""


class Asked:
    """Clients that ask again and again until `stop`; `failed` keeps every bad answer."""

    def __init__(self, ask):
        self._ask, self._over = ask, threading.Event()
        self.answers, self.failed = [], []
        self._threads = [threading.Thread(target=self._run) for _ in range(CLIENTS)]
        for thread in self._threads:
            thread.start()

    def wait(self, count):
        """Wait until so many more answers have come."""
        wanted = len(self.answers) + count
        ends = time.monotonic() + TIMEOUT_S
        while len(self.answers) < wanted:
            assert time.monotonic() < ends, self.failed[-3:]
            time.sleep(0.02)

    def stop(self):
        self._over.set()
        for thread in self._threads:
            thread.join(TIMEOUT_S)

    def _run(self):
        with httpx.Client(timeout=TIMEOUT_S) as client:
            while not self._over.is_set():
                answer = self._ask(client)
                kept = self.answers if answer.status_code == 200 else self.failed
                kept.append(answer)


class Pool:
    """The doors of a cluster, as an operator and a client of a pool use them."""

    def __init__(self, cluster):
        self._http = cluster.http

    def ask(self, model=MODEL, version="", client=httpx):
        path = f"/v2/models/{model}{f'/versions/{version}' if version else ''}/infer"
        tensor = {"name": "features", "datatype": "FP32", "shape": [1, FEATURES]}
        body = {"inputs": [{**tensor, "data": ROW}]}
        return client.post(self._http + path, json=body, timeout=TIMEOUT_S)

    def ask_slow(self, client=httpx, rounds=ROUNDS, model=SLOW):
        tensor = {"name": "rounds", "datatype": "INT64", "shape": [1, 1]}
        body = {"inputs": [{**tensor, "data": [rounds]}]}
        path = f"/v2/models/{model}/infer"
        return client.post(self._http + path, json=body, timeout=TIMEOUT_S)

    def logits(self, model=MODEL, version=""):
        answer = self.ask(model, version)
        assert answer.status_code == 200, answer.text
        return answer.json()["outputs"][0]["data"]

    def try_post(self, path, **body):
        url = f"{self._http}/v2/repository/{path}"
        return httpx.post(url, json=body, timeout=TIMEOUT_S)

    def post(self, path, **body):
        answer = self.try_post(path, **body)
        assert answer.status_code == 200, answer.text
        return answer

    def load(self, model=MODEL):
        self.post(f"models/{model}/load")

    def unload(self, model=MODEL):
        self.post(f"models/{model}/unload")

    def log_settings(self, **changes):
        """What the replica that answers says, after `changes` if there are any."""
        url = f"{self._http}/v2/logging"
        if changes:
            answer = httpx.post(url, json=changes, timeout=TIMEOUT_S)
        else:
            answer = httpx.get(url, timeout=TIMEOUT_S)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def states(self, model=MODEL, version="1"):
        """The state of one version on every replica that has it, sorted."""
        found = [
            one
            for one in self.post("index").json()
            if (one["name"], one["version"]) == (model, version)
        ]
        return sorted(r["state"] for one in found for r in one.get("replicas", []))

    def wait_states(self, *states, model=MODEL):
        def told():
            return f"{model}: {self.post('index').text}"

        wait_until(lambda: self.states(model) == sorted(states), told)


def wait_until(is_so, told=lambda: "it never came to that"):
    ends = time.monotonic() + TIMEOUT_S
    while not is_so():
        assert time.monotonic() < ends, told()
        time.sleep(0.2)

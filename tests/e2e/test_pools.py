"""Pools on a running cluster: routing, explicit control, versions, a killed replica."""

import os
import signal
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import yaml

from configs.catalogue import load_catalogue, packaged_catalogue
from models.build import build
from models.store import Store
from models.workshop import Workshop
from serve_app.oip import inference_pb2 as pb
from tests.e2e.calls import TIMEOUT_S, ask_photo_http, grpc_stub
from tests.e2e.pool_calls import CLIENTS, MODEL, ROW, Asked, Pool, wait_until
from tests.tiny_models import FEATURES, SLOW, tiny_logits
from tests.versions import add_version, edit

POOL, LAZY_POOL = "shelf", "lazy"
OTHER = 7
IDLE_S = 5
STORM = 50


def first():
    """What the first weights of the model answer."""
    return pytest.approx(tiny_logits("tiny-a", np.array(ROW, np.float32))[0], abs=1e-4)


@pytest.fixture(scope="module")
def catalogue(cluster):
    """The cluster's catalogue with a model more, which the tests may change."""
    root = cluster.environment.catalogue
    before = {file: file.read_text() for file in (root / "models").glob("*.yaml")}
    write_model(root, MODEL)
    rebuild(cluster, MODEL)
    yield root
    for file in (root / "models").glob("*.yaml"):
        file.write_text(before[file]) if file in before else file.unlink()


def write_model(root, name):
    said = yaml.safe_load((root / "models" / "tiny-a.yaml").read_text())
    file = root / "models" / f"{name}.yaml"
    file.write_text(yaml.safe_dump({**said, "id": name}))


def rebuild(cluster, *names):
    environment = cluster.environment
    store, cache = Store(environment.store), environment.home / "cache"
    list(build(Workshop(load_catalogue(environment.catalogue), store, cache), names))


@pytest.fixture(scope="module")
def pool(cluster, catalogue):
    def edited(content):
        (application,) = content["applications"]
        room = {"memory_bytes": 2**30}
        pools = {
            POOL: {"models": ["*"], **room},
            LAZY_POOL: {"models": [SLOW], "idle_after_s": IDLE_S, **room},
        }
        application["args"] = {"pipelines": ["tiny"], "pools": pools}
        application["deployments"] += [
            {"name": name, "num_replicas": 2, "ray_actor_options": {"num_cpus": 0.5}}
            for name in pools
        ]

    cluster.deploy(edit=edited)
    return Pool(cluster)


def test_cold_model_is_loaded_on_one_replica_however_many_ask(pool):
    with ThreadPoolExecutor(16) as clients:
        answers = list(clients.map(lambda _: pool.ask().status_code, range(16)))

    assert {*answers} == {200}
    assert pool.states() == ["READY", "UNAVAILABLE"]
    assert pool.logits() == first()


def test_pipeline_has_its_members_in_the_pool(pool):
    answer = pool.ask("tiny")

    assert answer.status_code == 200, answer.text
    assert sorted(o["name"] for o in answer.json()["outputs"])[0] == "class_index"


def test_load_and_unload_reach_every_replica(pool):
    pool.load()
    assert pool.states() == ["READY", "READY"]

    pool.unload()

    answers = [pool.ask() for _ in range(8)]
    assert {answer.status_code for answer in answers} == {404}
    assert "has no available versions" in answers[0].json()["error"]
    pool.load()
    assert pool.logits() == first()


def test_storm_of_clients_that_ask_load_and_unload_leaves_the_pool_whole(pool):
    names = ["tiny-a", "tiny-b", MODEL]  # of one version each, so far
    acts = [
        pool.ask,
        lambda model: pool.try_post(f"models/{model}/load"),
        lambda model: pool.try_post(f"models/{model}/unload"),
    ]

    def act(number):
        return acts[number % 3](names[number // 3 % 3])

    with ThreadPoolExecutor(STORM) as clients:
        answers = list(clients.map(act, range(STORM)))

    # 404: it is unloaded, 503: too many changed what is desired in the same moment.
    assert {answer.status_code for answer in answers} <= {200, 404, 503}
    refused = [answer.json() for answer in answers if answer.status_code != 200]
    assert {tuple(said) for said in refused} <= {("error",)}
    for name in names:
        pool.load(name)
        pool.wait_states("READY", "READY", model=name)
        assert {pool.ask(name).status_code for _ in range(4)} == {200}


def test_versions_and_aliases_switch_without_a_failed_request(pool, cluster, catalogue):
    aliases = {"stable": 1, "canary": 2}
    add_version(catalogue, MODEL, OTHER, version_policy={"all": True}, aliases=aliases)
    rebuild(cluster, MODEL)
    asked = Asked(lambda client: pool.ask(client=client))
    asked.wait(CLIENTS)

    pool.load()

    assert pool.logits() == pool.logits(version="stable") == first()
    canary = pool.logits(version="canary")
    assert canary == pool.logits(version="2") != first()
    asked.wait(CLIENTS)
    edit(catalogue, MODEL, aliases={"stable": 2}, version_policy={"latest": 1})
    pool.load()
    assert pool.logits() == canary
    asked.wait(CLIENTS)
    asked.stop()
    assert [answer.text for answer in asked.failed] == []
    assert pool.ask(version="1").status_code == 404


def test_log_settings_are_those_of_every_replica(pool):
    def are(wanted):
        """Several answers come of one ingress replica or the other."""
        return all(pool.log_settings() == wanted for _ in range(8))

    before = pool.log_settings()

    changed = pool.log_settings(log_verbose_level=1)

    assert (before["log_verbose_level"], changed["log_verbose_level"]) == (0, 1)
    wait_until(lambda: are(changed))
    pool.log_settings(**before)
    wait_until(lambda: are(before))


def test_killed_replicas_of_a_pool_come_back_with_what_was_asked(pool, cluster):
    pool.load("tiny-a")
    pool.unload("tiny-b")
    asked = Asked(lambda client: pool.ask("tiny-a", client=client))
    asked.wait(CLIENTS)
    for victim in cluster.replica_pids(POOL):
        os.kill(victim, signal.SIGKILL)
        wait_until(lambda gone=victim: gone not in cluster.replica_pids(POOL))
        cluster.wait_replicas(2, POOL)
        asked.wait(CLIENTS)
    asked.stop()

    assert {answer.status_code for answer in asked.failed} <= {500, 503}
    pool.wait_states("READY", "READY", model="tiny-a")
    assert {pool.ask("tiny-b").status_code for _ in range(8)} == {404}


def test_hot_model_spreads_and_goes_back_when_nobody_asks(pool):
    """One replica computes one slow row at a time; six clients ask without a pause."""
    asked = Asked(lambda client: pool.ask_slow(client))
    pool.wait_states("READY", "READY", model=SLOW)
    asked.stop()

    assert [answer.text for answer in asked.failed] == []
    pool.wait_states("UNAVAILABLE", "UNAVAILABLE", model=SLOW)


def test_grpc_says_a_version_by_its_alias(pool, cluster, catalogue):
    edit(catalogue, MODEL, aliases={"fresh": 2})
    pool.load()
    request = pb.ModelInferRequest(model_name=MODEL, model_version="fresh")
    tensor = request.inputs.add(name="features", datatype="FP32", shape=[1, FEATURES])
    tensor.contents.fp32_contents.extend(ROW[0])

    answer = grpc_stub(cluster.grpc).ModelInfer(request, timeout=TIMEOUT_S)

    assert answer.model_version == "2"


def test_example_with_a_pool_serves_photos(cluster, cat):
    cluster.deploy(packaged_catalogue() / "examples" / "serve_pool.yaml")

    answers = [ask_photo_http(cluster.http, cat) for _ in range(4)]

    assert {answer.status_code for answer in answers} == {200}
    assert answers[0].json()["labels"] == answers[-1].json()["labels"]
    assert "READY" in Pool(cluster).states("efficientnet-lite0")

"""Files of devices as shadows of a served pipeline: the answer, statistics and metrics."""

import re
import time

import httpx
import numpy as np
import pytest

from models.store import Store
from tests.e2e.calls import TIMEOUT_S, ask_json, output
from tests.tiny_models import tiny_logits
from tests.tiny_shadow import (
    FAITHFUL,
    MODEL,
    OTHER,
    PIPELINE,
    add_litert_variants,
    add_shadowed_pipeline,
)

ASKED = 12
FEATURES = [2.0, 1.0, 0.0, -2.0]


def classes():
    """What both sets of weights make of the row that is asked about."""
    row = np.array([FEATURES], np.float32)
    return tuple(int(tiny_logits(m, row).argmax()) for m in ("tiny-a", "tiny-b"))


def only_shadowed(content):
    content["applications"][0]["args"] = {"pipelines": [PIPELINE]}


@pytest.fixture(scope="module")
def shadowed(cluster, tmp_path_factory):
    root = cluster.environment.catalogue
    add_shadowed_pipeline(root)
    store = Store(cluster.environment.store)
    add_litert_variants(root, store, tmp_path_factory.mktemp("files"))
    cluster.deploy(edit=only_shadowed)
    yield cluster
    (root / "pipelines" / f"{PIPELINE}.yaml").unlink()


def ask(cluster):
    tensor = {"name": "features", "datatype": "FP32", "shape": [1, len(FEATURES)]}
    body = {"inputs": [{**tensor, "data": FEATURES}]}
    return ask_json(cluster.http, PIPELINE, body)


def wait_for(what):
    ends = time.monotonic() + TIMEOUT_S
    while not (found := what()):
        assert time.monotonic() < ends, "it never came to that"
        time.sleep(0.5)
    return found


@pytest.fixture(scope="module")
def compared(shadowed):
    """The statistics when everything that was asked has been compared."""
    answers = [ask(shadowed) for _ in range(ASKED)]
    assert {answer.status_code for answer in answers} == {200}
    assert {output(answer, "class_index")[0][0] for answer in answers} == {classes()[0]}

    def told():
        url = f"{shadowed.http}/v2/models/{PIPELINE}/stats"
        (one,) = httpx.get(url, timeout=TIMEOUT_S).json()["model_stats"]
        shadow = one["ensemble_stats"]["shadow"]
        done = all(member["rows"] == ASKED for member in shadow.values())
        return shadow if done else None

    return wait_for(told)


def test_every_answer_was_compared_with_both_files(compared):
    faithful, other = compared[f"{MODEL}/{FAITHFUL}"], compared[f"{MODEL}/{OTHER}"]

    first, second = classes()
    assert first != second
    assert (faithful["agreed"], other["agreed"]) == (ASKED, 0)
    assert faithful["gap_sum"] == pytest.approx(0, abs=1e-4)
    assert {one["dropped"] + one["failed"] for one in (faithful, other)} == {0}


def metric(cluster, name, *tags):
    """The values of a metric's series that have all these tags, one a replica."""
    address = f"http://127.0.0.1:{cluster.environment.node_metrics_port}/metrics"
    text = httpx.get(address, timeout=TIMEOUT_S).text
    series = re.compile(rf"{name}(_total)?{{")
    lines = [line for line in text.splitlines() if series.search(line)]
    found = [line for line in lines if all(tag in line for tag in tags)]
    return [float(line.rsplit(" ", 1)[-1]) for line in found]


def test_what_the_ensemble_counts_is_a_metric(shadowed, compared):
    def total(name, *tags):
        ours = f'pipeline="{PIPELINE}"'
        return sum(metric(shadowed, f"headwater_ensemble_{name}", ours, *tags))

    wait_for(lambda: total("rows") == ASKED)
    wait_for(lambda: total("members_run", 'members="1"') == ASKED)
    wait_for(lambda: total("member_requests", 'outcome="answered"') == ASKED)


def test_drift_is_a_metric(shadowed, compared):
    def values(name, variant):
        return metric(shadowed, name, f'member="{MODEL}/{variant}"')

    assert set(wait_for(lambda: values("headwater_shadow_agreement", FAITHFUL))) == {1}
    assert set(wait_for(lambda: values("headwater_shadow_agreement", OTHER))) == {0}
    wait_for(lambda: sum(values("headwater_shadow_requests", FAITHFUL)) == ASKED)
    wait_for(lambda: max(values("headwater_shadow_score_gap", OTHER), default=0) > 0)

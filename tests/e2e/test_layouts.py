"""The same pipeline with its nodes on several deployments."""

import httpx
import numpy as np
import pytest

from tests.e2e import photos
from tests.e2e.calls import ask_json, ask_photo_http, output
from tests.tiny_models import LABELS, tiny_logits


@pytest.fixture(scope="module")
def answers(fused, cat):
    """What the fused layout answers; fetched before the layout changes."""
    contents = {"cat": cat, **photos.GOOD}
    return {
        name: ask_photo_http(fused.http, content).json()["labels"]
        for name, content in contents.items()
    }


@pytest.fixture(scope="module")
def separate(answers, cluster):
    """The cluster with the separate layout."""
    cluster.serve("separate")
    return cluster


def test_separate_layout_answers_as_the_fused_one(answers, separate, cat):
    contents = {"cat": cat, **photos.GOOD}

    for name, wanted in answers.items():
        got = ask_photo_http(separate.http, contents[name]).json()["labels"]
        assert [label["label"] for label in got] == [lab["label"] for lab in wanted]
        assert [label["probability"] for label in got] == pytest.approx(
            [label["probability"] for label in wanted], abs=1e-5
        )


def test_error_of_another_replica_arrives_as_clean_as_a_local_one(separate):
    answer = ask_photo_http(separate.http, b"no photo")

    assert answer.status_code == 400
    assert answer.json()["detail"] == "image 0: not a JPEG, PNG, WebP or BMP file"


def test_readiness_asks_every_deployment(separate):
    answer = httpx.get(f"{separate.http}/v2/models/vision/ready", timeout=30)

    assert answer.json() == {"name": "vision", "ready": True}


def only_mapped(content):
    content["applications"][0]["args"] = {"pipelines": ["tiny-mapped"]}


def test_mapping_places_nodes_where_it_says(cluster):
    """The layout of the pipeline's own file, with two nodes on one deployment."""
    cluster.deploy(edit=only_mapped)
    rows = np.array([[1, 2, 3, 4], [-1, 0, 1, 0]], np.float32)
    body = {
        "inputs": [
            {
                **{"name": "features", "datatype": "FP32"},
                **{"shape": list(rows.shape), "data": rows.tolist()},
            }
        ]
    }

    answer = ask_json(cluster.http, "tiny-mapped", body)

    votes = sum(shares(tiny_logits(name, rows)) for name in ("tiny-a", "tiny-b")) / 2
    best = [LABELS[index] for index in votes.argmax(axis=1)]
    assert [row[0] for row in output(answer, "label")] == best
    assert [row[0] for row in output(answer, "probability")] == pytest.approx(
        votes.max(axis=1).tolist(), abs=1e-5
    )
    assert {name: len(cluster.replica_pids(name)) for name in ("left", "right")} == {
        "left": 1,
        "right": 1,
    }


def shares(logits):
    grown = np.exp(logits - logits.max(axis=1, keepdims=True))
    return grown / grown.sum(axis=1, keepdims=True)

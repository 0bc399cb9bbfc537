"""Files of devices as shadows of a pipeline, on LiteRT and ONNX Runtime, without Ray."""

import numpy as np
import pytest
import yaml

from configs.catalogue import load_catalogue
from configs.errors import ConfigError
from deployments.blueprint import draw
from deployments.graph import Graph
from deployments.layout import INGRESS, step_name
from deployments.messages import Request
from deployments.shadow.node import Shadowed
from deployments.slots import Slots
from models.errors import VariantNotFound
from tests.fakes import EchoNode
from tests.tiny_models import build_tiny_store, make_tiny_catalogue, tiny_logits
from tests.tiny_shadow import (
    FAITHFUL,
    MODEL,
    OTHER,
    PIPELINE,
    add_litert_variants,
    add_shadowed_pipeline,
)

ROWS = np.array([[1, 2, 3, 4], [-1, 0, 1, 0.5], [0, 2, -2, 1]], np.float32)


@pytest.fixture
def root(tmp_path):
    root = make_tiny_catalogue(tmp_path)
    add_shadowed_pipeline(root)
    return root


@pytest.fixture
def store(root, tmp_path):
    return build_tiny_store(root, tmp_path / "store")


@pytest.fixture
def blueprint(root, store, tmp_path):
    add_litert_variants(root, store, tmp_path)
    return draw(load_catalogue(root), store)


def opened(blueprint):
    graph = Graph(blueprint, INGRESS, Slots(1), lambda *_: EchoNode())
    graph.load()
    ensemble = graph.node(step_name(PIPELINE, "ensemble"))
    assert isinstance(ensemble, Shadowed)
    return graph, ensemble


async def test_files_of_devices_are_compared_with_what_was_answered(blueprint):
    graph, ensemble = opened(blueprint)

    await graph.pipeline(PIPELINE).infer(Request(PIPELINE, {"features": ROWS}))
    for shadow in ensemble.shadows:
        await shadow.rest()

    told = ensemble.told()
    given, other = (tiny_logits(m, ROWS).argmax(1) for m in ("tiny-a", "tiny-b"))
    faithful, strange = told[f"{MODEL}/{FAITHFUL}"], told[f"{MODEL}/{OTHER}"]
    assert (faithful["rows"], faithful["agreed"]) == (3, 3)
    assert faithful["gap_sum"] == pytest.approx(0, abs=1e-5)
    assert (strange["rows"], strange["agreed"]) == (3, int((given == other).sum()))
    await graph.close()


async def test_answers_are_those_of_the_pipeline_without_shadows(blueprint, root):
    graph, _ = opened(blueprint)

    reply = await graph.pipeline(PIPELINE).infer(Request(PIPELINE, {"features": ROWS}))

    wanted = tiny_logits("tiny-a", ROWS).argmax(axis=1)
    np.testing.assert_array_equal(reply.outputs["class_index"][:, 0], wanted)
    await graph.close()


def test_files_of_shadows_are_kept_from_being_removed(blueprint):
    kept = {card.variant for card in blueprint.served_cards()}

    assert {FAITHFUL, OTHER} <= kept


def test_shadow_that_was_never_made_is_an_error(root, store):
    with pytest.raises(VariantNotFound, match=FAITHFUL):
        draw(load_catalogue(root), store)


def changed(root, **member):
    file = root / "pipelines" / f"{PIPELINE}.yaml"
    said = yaml.safe_load(file.read_text())
    said["shadow"]["members"] = [{"model": MODEL, "variant": FAITHFUL} | member]
    file.write_text(yaml.safe_dump(said))
    return load_catalogue(root)


@pytest.mark.parametrize(
    ("member", "told"),
    [
        ({"model": "nothing"}, "is not in the catalogue"),
        ({"version": 7}, "has no version 7"),
    ],
)
def test_shadow_of_what_is_not_there_is_named(blueprint, root, store, member, told):
    with pytest.raises(ConfigError, match=told):
        draw(changed(root, **member), store)


def test_shadow_must_take_what_a_member_takes(blueprint, root, store):
    said = yaml.safe_load((root / "models" / "tiny-b.yaml").read_text())
    said["inputs"][0]["name"] = "others"
    (root / "models" / "odd.yaml").write_text(yaml.safe_dump({**said, "id": "odd"}))

    with pytest.raises(ConfigError, match="must take and answer"):
        draw(changed(root, model="odd"), store, [PIPELINE])

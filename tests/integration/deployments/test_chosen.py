"""A pipeline serves the variant it chooses."""

import shutil

import pytest
import yaml

from configs.catalogue import load_catalogue
from configs.errors import ConfigError
from deployments.blueprint import draw
from deployments.contracts import model_contract
from models.errors import NothingClears
from tests.stored import lost, took
from tests.tiny_models import build_tiny_store, make_tiny_catalogue


@pytest.fixture
def root(tmp_path):
    return make_tiny_catalogue(tmp_path)


@pytest.fixture
def store(root, tmp_path):
    store = build_tiny_store(root, tmp_path / "store")
    card = store.card("tiny-a", 1, "fp32-onnx")
    facts = {"variant": "int8-auto", "latency": took(1e-6), "quality": lost(0, 0.1)}
    store.save_card(card.model_copy(update=facts))
    return store


def take(root, pipeline, **member):
    file = root / "pipelines" / f"{pipeline}.yaml"
    content = yaml.safe_load(file.read_text()) | {"id": pipeline}
    members = [{"model": "tiny-a", **member}, {"model": "tiny-b"}]
    file.write_text(yaml.safe_dump(content | {"ensemble": {"members": members}}))


def test_cheapest_variant_that_clears_is_served(root, store):
    take(root, "tiny", variant="auto")

    blueprint = draw(load_catalogue(root), store)

    assert blueprint.cards["tiny-a"].variant == "int8-auto"
    assert blueprint.cards["tiny-b"].variant == "fp32-onnx"
    assert model_contract(blueprint, "tiny-a").properties["variant"] == "int8-auto"


def test_named_variant_is_served(root, store):
    take(root, "tiny", variant="int8-auto")

    assert draw(load_catalogue(root), store).cards["tiny-a"].variant == "int8-auto"


def test_deployment_stops_when_nothing_clears(root, store):
    take(root, "tiny", variant="auto", target={"max_size_bytes": 1})

    with pytest.raises(NothingClears, match="tiny-a: a variant must have"):
        draw(load_catalogue(root), store)


def test_pipelines_must_agree_on_the_variant_of_a_model(root, store):
    shutil.copy(root / "pipelines/tiny.yaml", root / "pipelines/other.yaml")
    take(root, "other", variant="auto")

    with pytest.raises(ConfigError, match="int8-auto by other, fp32-onnx by tiny"):
        draw(load_catalogue(root), store)

    alone = draw(load_catalogue(root), store, pipelines=["tiny"])
    assert alone.cards["tiny-a"].variant == "fp32-onnx"

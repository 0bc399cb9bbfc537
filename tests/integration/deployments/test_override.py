"""Triton's ModelConfig put over a model's Spec."""

import json

import pytest

from configs.catalogue import load_catalogue
from configs.model import BatchingSpec, QueuePolicySpec
from deployments.contracts import model_contract
from deployments.errors import InvalidInput
from deployments.repository.override import override, read_config
from serve_app.oip.metadata import model_config
from tests.fakes_control import a_blueprint
from tests.tiny_models import build_tiny_store, make_tiny_catalogue


@pytest.fixture
def root(tmp_path):
    return make_tiny_catalogue(tmp_path)


@pytest.fixture
def spec(root):
    return load_catalogue(root).models["tiny-a"]


def overridden(spec, **config):
    return override(spec, read_config(spec, config))


def test_nothing_said_is_nothing_changed(spec):
    assert overridden(spec) == spec


def test_what_a_client_reads_it_may_send_back(root, spec, tmp_path):
    store = build_tiny_store(root, tmp_path / "store")
    read = model_config(model_contract(a_blueprint(root, store), "tiny-a"))

    again = overridden(spec, **json.loads(json.dumps(read)))

    assert again.batching.preferred_sizes == spec.batching.preferred_sizes
    assert again.batching.max_batch_size == spec.batching.max_batch_size
    assert again.variant == spec.variant


def test_words_of_triton_become_ours(spec):
    batching = overridden(
        spec,
        max_batch_size=16,
        dynamic_batching={
            "preferred_batch_size": [8, 4],
            "max_queue_delay_microseconds": 1500,
            "priority_levels": 2,
            "default_priority_level": 2,
            "default_queue_policy": {
                "timeout_action": "DELAY",
                "default_timeout_microseconds": 7,
                "allow_timeout_override": True,
                "max_queue_size": 9,
            },
            "priority_queue_policy": {"1": {"max_queue_size": 3}},
        },
    ).batching

    assert batching == BatchingSpec(
        max_batch_size=16,
        preferred_batch_size=(4, 8),
        batch_wait_timeout_s=0.0015,
        max_queue_size=64,
        priority_levels=2,
        default_priority_level=2,
        default_queue_policy=QueuePolicySpec(
            timeout_action="DELAY",
            default_timeout_us=7,
            allow_timeout_override=True,
            max_queue_size=9,
        ),
        priority_queue_policy={1: QueuePolicySpec(max_queue_size=3)},
    )


@pytest.mark.parametrize(
    ("policy", "served"),
    [
        ({"latest": {"num_versions": 2}}, (2, 3)),
        ({"specific": {"versions": [1]}}, (1,)),
        ({"all": {}}, (1, 2, 3)),
    ],
)
def test_version_policy_is_taken(spec, policy, served):
    changed = overridden(spec, version_policy=policy)

    assert changed.version_policy.chosen([1, 2, 3]) == served


def test_variant_is_a_parameter(spec):
    said = {"variant": {"string_value": "int8-static"}}

    assert overridden(spec, parameters=said).variant == "int8-static"


@pytest.mark.parametrize(
    ("config", "key"),
    [
        ({"max_batch_size": "8"}, "max_batch_size"),
        ({"max_batch_size": True}, "max_batch_size"),
        ({"max_batch_size": 0}, "max_batch_size"),
        ({"max_batch_size": None, "optimization": {}}, "optimization"),
        ({"dynamic_batching": {"preferred_batch_size": 8}}, "preferred_batch_size"),
        ({"dynamic_batching": {"max_queue_delay_microseconds": -1}}, "max_queue_delay"),
        ({"dynamic_batching": {"default_priority_level": 4}}, "batching"),
        (
            {"dynamic_batching": {"default_queue_policy": {"timeout_action": "DROP"}}},
            "default_queue_policy.timeout_action",
        ),
        ({"version_policy": {"latest": {}, "all": {}}}, "version_policy"),
        ({"parameters": {"variant": "int8-static"}}, "parameters.variant"),
        ({"parameters": {"colour": {"string_value": "red"}}}, "parameters.colour"),
        ({"parameters": {"variant": {"string_value": "A B"}}}, "variant"),
        ({"input": [{"name": "other", "dims": [4]}]}, "input"),
        ({"output": []}, "output"),
        ({"name": 3}, "name"),
    ],
)
def test_mistake_is_told_with_its_key(spec, config, key):
    with pytest.raises(InvalidInput, match=key):
        overridden(spec, **config)

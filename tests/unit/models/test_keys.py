"""What makes a stored variant out of date."""

import pytest

from configs.catalogue import load_catalogue, packaged_catalogue
from configs.model import ModelSpec
from models.keys import build_key, hash_of, toolchain


@pytest.fixture
def spec() -> ModelSpec:
    return load_catalogue(packaged_catalogue()).models["efficientnet-lite0"]


@pytest.mark.parametrize(
    "change",
    [
        {"version": 2},
        {"title": "Another"},
        {"max_drop_points": 0.5},
        {"evaluation": ()},
    ],
)
def test_key_changes_with_what_the_card_says(spec, change):
    changed = spec.model_copy(update=change)

    assert build_key(changed, "int8-onnx", {}) != build_key(spec, "int8-onnx", {})


@pytest.mark.parametrize(
    "change", [{"batching": None}, {"variant": "fp32-onnx"}, {"labels": "another.txt"}]
)
def test_key_ignores_how_a_model_is_served_and_what_its_files_are_called(spec, change):
    changed = spec.model_copy(update=change)

    assert build_key(changed, "int8-onnx", {}) == build_key(spec, "int8-onnx", {})


def test_calibration_does_not_touch_fp32(spec):
    changed = spec.model_copy(update={"calibration": None})

    assert build_key(changed, "fp32-onnx", {}) == build_key(spec, "fp32-onnx", {})


def test_key_changes_with_the_hash_of_an_input(spec):
    with_one = build_key(spec, "int8-onnx", {"labels": "1"})

    assert with_one != build_key(spec, "int8-onnx", {"labels": "2"})


def test_key_tells_variants_apart(spec):
    assert build_key(spec, "int8-onnx", {}) != build_key(spec, "fp32-onnx", {})


def test_hash_does_not_depend_on_the_order_of_keys():
    assert hash_of({"a": 1, "b": 2}) == hash_of({"b": 2, "a": 1})


def test_exported_models_depend_on_torch_and_ready_ones_do_not(spec):
    ready = spec.model_copy(update={"architecture": "onnx"})

    assert "torch" in toolchain(spec)
    assert "torch" not in toolchain(ready)

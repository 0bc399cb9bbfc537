"""The pins of the environments."""

import pytest

from models.llm import toolings


@pytest.mark.parametrize("tooling", [toolings.compress(), toolings.serve()])
def test_every_requirement_is_pinned(tooling):
    assert all("==" in pin for pin in tooling.requirements)
    assert not tooling.dependencies


def test_serving_leaves_torchvision_out():
    assert not any(
        pin.startswith("torchvision") for pin in toolings.serve().requirements
    )


@pytest.mark.parametrize("tooling", [toolings.compress(), toolings.serve()])
def test_torch_finds_the_setuptools_that_it_compiles_with(tooling):
    assert any(pin.startswith("setuptools==") for pin in tooling.requirements)


def test_steps_depend_on_the_pins_of_their_environment():
    assert toolings.compressor_pins() == toolings.compress().requirements

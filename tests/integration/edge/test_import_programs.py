"""Torch programs of somebody else through the real converters, to every class.

Their environments are kept below HEADWATER_HOME/envs and fetched once (4.3 GB).
"""

import pytest
import torch
from torch import nn

from configs.catalogue import packaged_catalogue
from configs.device import load_devices
from configs.environment import load_environment
from edge.importing.inspector import Converters, inspect
from edge.importing.trying import program_converter
from edge.importing.workplace import Workplace

DEVICES = load_devices(packaged_catalogue())


@pytest.fixture(scope="module")
def converters():
    """The environments of this installation; what is missing is made."""
    envs = load_environment().home.resolve() / "envs"
    return Converters(program=program_converter(Workplace(envs, installs=True)))


def saved(folder, network, *inputs):
    file = folder / "network.pt2"
    torch.export.save(torch.export.export(network.eval(), inputs), file)
    return file


@pytest.fixture(scope="module")
def found(tmp_path_factory, converters):
    """A small network for images of 8 x 8 pixels."""
    torch.manual_seed(0)
    layers = [nn.Conv2d(3, 4, 3, padding=1), nn.ReLU6(), nn.AdaptiveAvgPool2d(1)]
    network = nn.Sequential(*layers, nn.Flatten(), nn.Linear(4, 4))
    folder = tmp_path_factory.mktemp("programs")
    file = saved(folder, network, torch.zeros(1, 3, 8, 8))
    return inspect(file, DEVICES, converters=converters)


@pytest.mark.parametrize("form", ["coreml", "executorch", "litert"])
def test_program_becomes_every_form_and_answers_the_same(found, form):
    assert found.reason == {}
    assert list(found.facts["converted"][form]) == ["size_bytes"]


@pytest.mark.parametrize(
    ("device", "form"),
    [
        ("ios", "coreml"),
        ("mobile", "litert"),
        ("linux_arm", "litert"),
        ("executorch_mobile", "executorch"),
    ],
)
def test_class_is_ready_by_the_form_that_it_takes(found, device, form):
    verdict = found.facts["classes"][device]

    assert (verdict["ready"], verdict["form"]) == (True, form)
    assert verdict["mapped"] == verdict["total"] > 0
    assert verdict["macs"] == 64 * 4 * 27 + 16


def test_edge_tpu_says_what_a_float_file_lacks(found):
    verdict = found.facts["classes"]["edge_tpu"]

    assert not verdict["ready"]
    assert any("quantize all of it to INT8" in one for one in verdict["reasons"])


def test_class_of_another_form_says_that_nothing_makes_it(found):
    (reason,) = found.facts["classes"]["android_onnx"]["reasons"]

    assert reason.startswith("needs_conversion: ort: nothing here makes that")


def test_program_of_two_inputs_runs_but_is_not_converted(tmp_path, converters):
    class Sum(nn.Module):
        def forward(self, one, other):
            return one + other

    file = saved(tmp_path, Sum(), torch.zeros(1, 3), torch.zeros(1, 3))

    found = inspect(file, DEVICES, converters=converters)

    assert found.reason == {}
    assert set(found.facts["converted"]) == {"coreml", "executorch", "litert"}
    (reason,) = found.facts["classes"]["mobile"]["reasons"]
    assert "only programs of one float32 input" in reason

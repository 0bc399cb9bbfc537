"""What a network costs, told alike from torch and from ONNX."""

import numpy as np
import pytest
import torch
from torch import nn

from models.mobile import from_onnx, from_torch
from models.mobile.nodes import Node, Widths, cost
from models.mobile.workers import ort_making
from models.torch_export import export

# ONNX Runtime's converter leaves the file that it made open.
pytestmark = pytest.mark.filterwarnings(
    "ignore:Exception ignored in. <_io.FileIO:pytest.PytestUnraisableExceptionWarning"
)

SHAPE = (3, 8, 8)
CONV = 8 * 8 * 4 * 3 * 9
FULL = 4 * 5


def network():
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(3, 4, 3, padding=1),
        nn.ReLU6(),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(4, 5),
    ).eval()


@pytest.fixture
def program(tmp_path):
    file = tmp_path / "p.pt2"
    torch.export.save(torch.export.export(network(), (torch.zeros(1, *SHAPE),)), file)
    return file


def test_torch_program_multiplies_in_convolutions_and_full_layers(program):
    own = from_torch.cost_of(program, Widths(1, 1))

    assert own.macs == CONV + FULL
    assert own.weights_bytes == 4 * 3 * 9 + 4 + 4 * 5 + 5


def test_answers_of_a_program_are_those_of_the_network(program):
    rows = np.random.default_rng(0).uniform(-1, 1, (3, *SHAPE)).astype(np.float32)

    with torch.no_grad():
        wanted = network()(torch.from_numpy(rows)).numpy()
    np.testing.assert_allclose(from_torch.answers(program, rows), wanted, atol=1e-6)


def test_onnx_of_the_same_network_costs_the_same(program, tmp_path):
    fixed = tmp_path / "fixed.onnx"
    room = tmp_path / "room"
    room.mkdir()
    export(
        network(), torch.zeros(2, *SHAPE), ("input", "logits"), tmp_path / "n.onnx", 21
    )
    ort_making.answer(
        {"source": str(tmp_path / "n.onnx"), "fixed": str(fixed), "room": str(room),
         "target": str(tmp_path / "n.ort"), "config": str(tmp_path / "n.config"),
         "shape": [1, *SHAPE]},
        lambda *_: None,
    )  # fmt: skip

    own, other = from_onnx.cost_of(fixed), from_torch.cost_of(program, Widths(4, 4))

    assert own.macs == other.macs
    assert own.weights_bytes == other.weights_bytes


def test_memory_holds_what_lives_at_once():
    nodes = [
        Node(("in",), "a", 100),
        Node(("a",), "b", 50),
        Node(("b",), "out", 10),
    ]

    own = cost(nodes, {"in": 20}, ["out"], Widths(1, 1))

    assert own.arena_bytes == 112 + 64  # of a and b, each a multiple of 16


def test_way_around_keeps_its_tensor_alive():
    straight = [Node(("in",), "a", 64), Node(("a",), "b", 64), Node(("b",), "out", 64)]
    around = [*straight[:2], Node(("b", "a"), "out", 64)]

    found = [cost(n, {"in": 64}, ["out"], Widths(1, 1)) for n in (straight, around)]

    assert [one.arena_bytes for one in found] == [128, 192]

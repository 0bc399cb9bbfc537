"""For which variants golden outputs are kept."""

import onnx
import pytest
from onnx import TensorProto, helper

from configs.model import TensorSpec
from models.card import FileFact
from models.golden import record
from tests.crashing import a_card


@pytest.fixture
def model(tmp_path):
    """Reads row 7 of what it is given."""
    node = helper.make_node("Gather", ["x", "seven"], ["y"])
    tensors = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, ["batch", 1])
        for name in ("x", "y")
    ]
    seven = helper.make_tensor("seven", TensorProto.INT64, [1], [7])
    graph = helper.make_graph([node], "row", tensors[:1], tensors[1:], [seven])
    file = tmp_path / "model.onnx"
    opset = helper.make_opsetid("", 18)
    onnx.save(helper.make_model(graph, opset_imports=[opset], ir_version=10), file)
    return file


def card_with(**changes):
    fact = FileFact(sha256="0" * 64, size_bytes=1)
    return a_card(fact).model_copy(update=changes)


@pytest.mark.parametrize(
    "changes",
    [
        {"form": "engine"},
        {"inputs": (TensorSpec(name="x", datatype="FP32", shape=(-1,)),)},
        {"inputs": (TensorSpec(name="x", datatype="BYTES"),)},
        {"outputs": (TensorSpec(name="y", datatype="BYTES"),)},
    ],
)
def test_nothing_is_kept_where_nothing_can_be_drawn(changes, tmp_path):
    target = tmp_path / "golden.npz"

    assert not record(card_with(**changes), tmp_path / "none.onnx", target)
    assert not target.exists()


def test_nothing_is_kept_of_a_model_that_refuses_drawn_rows(model, tmp_path):
    assert not record(card_with(), model, tmp_path / "golden.npz")

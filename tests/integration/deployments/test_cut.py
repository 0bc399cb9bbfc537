"""Quantised image models whose copies take crops, on the real runtime."""

import asyncio

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from configs.model import BatchingSpec, ImageSpec
from deployments.backends.base import crop_maker
from deployments.backends.crops import CropsBackend
from deployments.backends.onnx import OnnxBackend
from deployments.backends.prepared import head_of, prepared
from deployments.messages import Request
from deployments.model import Model
from deployments.slots import Slots
from models.imaging import normalise
from models.store import Store

SIZE = 16
IMAGE = ImageSpec(size_px=SIZE, mean=127, std=128)
DRAW = np.random.default_rng(0)
CROPS = DRAW.integers(0, 256, (5, SIZE, SIZE, 3), np.uint8)


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "store")


def quantised(scale=1 / 128, zero=127, looked_at_twice=False):
    """A convolution between quantised tensors, as quantising a model leaves it."""
    constants = {
        "s": np.float32(scale),
        "z": np.uint8(zero),
        "ws": np.float32(0.01),
        "wz": np.int8(0),
        "w": DRAW.integers(-127, 128, (8, 3, 3, 3), np.int8),
        "ys": np.float32(0.05),
        "yz": np.uint8(128),
    }
    node = helper.make_node
    nodes = [
        node("QuantizeLinear", ["x", "s", "z"], ["xq"]),
        node("DequantizeLinear", ["xq", "s", "z"], ["xf"]),
        node("DequantizeLinear", ["w", "ws", "wz"], ["wf"]),
        node("Conv", ["xf", "wf"], ["c"], pads=[1, 1, 1, 1]),
        node("QuantizeLinear", ["c", "ys", "yz"], ["cq"]),
        node("DequantizeLinear", ["cq", "ys", "yz"], ["d"]),
        node("ReduceMean", ["d", "axes"], ["y" if not looked_at_twice else "m"]),
    ]
    if looked_at_twice:
        nodes.append(node("ReduceMax", ["x", "all"], ["top"]))
        nodes.append(node("Add", ["m", "top"], ["y"]))
    held = [numpy_helper.from_array(np.asarray(v), k) for k, v in constants.items()]
    for name, axes in (("axes", [2, 3]), ("all", [1, 2, 3])):
        held.append(numpy_helper.from_array(np.array(axes, np.int64), name))
    tensor, batch = helper.make_tensor_value_info, "batch"
    graph = helper.make_graph(
        nodes,
        "net",
        [tensor("x", TensorProto.FLOAT, [batch, 3, SIZE, SIZE])],
        [tensor("y", TensorProto.FLOAT, [batch, 8, 1, 1])],
        held,
    )
    opset = helper.make_opsetid("", 18)
    return helper.make_model(graph, opset_imports=[opset], ir_version=10)


def opened(store, tmp_path, model, image=IMAGE):
    """The stored file as it is, and its copy."""
    file = tmp_path / "net.onnx"
    onnx.save(model, file)
    fact = store.add_file(file)
    copy = prepared(store, fact, image)
    assert copy is not None
    head, plain = head_of(copy), OnnxBackend(store.file(fact))
    if head is None:
        return plain, OnnxBackend(copy, optimised=True)
    return plain, CropsBackend(copy, head, "x")


def test_copy_answers_crops_bit_for_bit_as_the_file_answers_floats(store, tmp_path):
    plain, cut = opened(store, tmp_path, quantised())

    assert crop_maker(cut) is not None
    assert crop_maker(plain) is None
    floats = normalise(CROPS, IMAGE)
    wanted = plain.run({"x": floats})["y"]
    assert np.array_equal(cut.run({"x": CROPS})["y"], wanted)
    assert np.array_equal(cut.run({"x": floats})["y"], wanted)


def test_floats_that_are_no_pixels_are_answered_as_before(store, tmp_path):
    plain, cut = opened(store, tmp_path, quantised())
    floats = DRAW.normal(size=(3, 3, SIZE, SIZE)).astype(np.float32) * 3

    assert np.array_equal(cut.run({"x": floats})["y"], plain.run({"x": floats})["y"])


@pytest.mark.parametrize(
    "model",
    [quantised(scale=1 / 100), quantised(zero=120), quantised(looked_at_twice=True)],
    ids=["another scale", "another zero point", "floats are looked at twice"],
)
def test_model_whose_bytes_are_no_pixels_takes_floats(store, tmp_path, model):
    plain, copy = opened(store, tmp_path, model)
    floats = normalise(CROPS, IMAGE)

    assert crop_maker(copy) is None
    assert np.array_equal(copy.run({"x": floats})["y"], plain.run({"x": floats})["y"])


def test_model_that_takes_no_pictures_takes_floats(store, tmp_path):
    _, copy = opened(store, tmp_path, quantised(), image=None)

    assert crop_maker(copy) is None


async def test_requests_of_crops_and_floats_share_a_batch(store, tmp_path):
    plain, cut = opened(store, tmp_path, quantised())
    model = Model("m", cut, BatchingSpec(max_batch_size=8), Slots(1), IMAGE)
    asked = [CROPS[:1], normalise(CROPS[1:3], IMAGE), CROPS[3:]]

    replies = await asyncio.gather(
        *(model.infer(Request("m", {"x": x})) for x in asked)
    )
    await model.close()

    found = np.concatenate([reply.outputs["y"] for reply in replies])
    assert np.array_equal(found, plain.run({"x": normalise(CROPS, IMAGE)})["y"])

"""A stored engine on a real GPU; needs one and its libraries, see `models.tensorrt`."""

import json

import numpy as np
import pytest

from configs.catalogue import load_catalogue
from configs.model import TensorSpec
from deployments.backends.onnx import OnnxBackend
from deployments.backends.opening import open_backend
from models.recipes.pieces import ONNX
from models.store import Store
from models.tensorrt.engines import LABEL
from models.tensorrt.gpu import find_gpu
from models.tensorrt.maker import maker_here
from models.tensorrt.options import EngineOptions, buckets_of
from tests.stored import a_card
from tests.tiny_models import make_tiny_catalogue
from tests.tiny_vision import SIDE, write_tiny_convolution

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(find_gpu() is None, reason="needs an NVIDIA GPU"),
]

ROWS = np.random.default_rng(0).normal(size=(5, 3, SIDE, SIDE)).astype(np.float32)


@pytest.fixture
def onnx(tmp_path):
    return write_tiny_convolution(tmp_path / ONNX, seed=5)


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "home" / "store")


@pytest.fixture
def made(tmp_path, onnx):
    options = EngineOptions(buckets_of((1, 8)))
    return maker_here(tmp_path / "home").make("tiny", onnx, options)


def card(tmp_path, store, onnx, made, label):
    """A card of the engine, with `label` beside it."""
    spec = load_catalogue(make_tiny_catalogue(tmp_path)).models["tiny-a"]
    names = {tensor["role"]: tensor["name"] for tensor in made.label["tensors"]}
    picture = TensorSpec(name=names["input"], datatype="FP32", shape=(3, SIDE, SIDE))
    return a_card(
        spec,
        "fp32-engine",
        store.add_file(made.file),
        form="engine",
        inputs=(picture,),
        files={LABEL: store.add_file(label), ONNX: store.add_file(onnx)},
    )


@pytest.mark.parametrize("driver", ["as it is", "of another time"])
def test_engine_answers_as_its_onnx_wherever_it_was_built(
    tmp_path, store, onnx, made, driver
):
    said = json.loads((made.folder / LABEL).read_text())
    if driver != "as it is":
        said["runtime"]["gpu"]["driver"] = driver
    label = tmp_path / LABEL
    label.write_text(json.dumps(said))
    stored = card(tmp_path, store, onnx, made, label)

    found = open_backend(stored, store).run({stored.inputs[0].name: ROWS})

    wanted = OnnxBackend(onnx).run({stored.inputs[0].name: ROWS})
    for name, tensor in wanted.items():
        # TF32, which TensorRT uses by default, keeps 10 bits of each factor.
        np.testing.assert_allclose(found[name], tensor, rtol=0, atol=0.05)

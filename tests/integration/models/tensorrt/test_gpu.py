"""Engines that run, beside ONNX Runtime's CUDA provider; needs a GPU and its libraries.

On a machine with an NVIDIA GPU: `pip install headwater[tensorrt] onnxruntime-gpu`, and
`pytest -m gpu`.
"""

from dataclasses import asdict

import numpy as np
import pytest

from models.tensorrt.api import load_api
from models.tensorrt.compare import CudaSession, compare
from models.tensorrt.engines import open_engine
from models.tensorrt.gpu import find_gpu
from models.tensorrt.maker import maker_here
from models.tensorrt.memory import find_memory
from models.tensorrt.options import EngineOptions, buckets_of
from models.tensorrt.run import EngineRunner
from tests.tiny_vision import SIDE, write_tiny_convolution

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(find_gpu() is None, reason="needs an NVIDIA GPU"),
]

OPTIONS = EngineOptions(buckets_of((1, 8, 32)))


@pytest.fixture(scope="module")
def onnx(tmp_path_factory):
    return write_tiny_convolution(tmp_path_factory.mktemp("model") / "m.onnx", seed=5)


@pytest.fixture(scope="module")
def engine(tmp_path_factory, onnx):
    maker = maker_here(tmp_path_factory.mktemp("home"))
    made = maker.make("tiny", onnx, OPTIONS)
    return EngineRunner(
        load_api("tensorrt"), open_engine(made.folder, maker.runtime), find_memory()
    )


def rows(count):
    draw = np.random.default_rng(0)
    return draw.normal(size=(count, 3, SIDE, SIDE)).astype(np.float32)


@pytest.mark.parametrize("count", [1, 5, 8, 32, 40])
def test_engine_answers_as_onnx_runtime_does(engine, onnx, count):
    from models.runtime import Runner

    wanted = Runner(onnx).logits(rows(count))

    # TF32, which TensorRT uses by default, keeps 10 bits of each factor.
    np.testing.assert_allclose(engine.logits(rows(count)), wanted, rtol=0, atol=0.05)


def test_answer_does_not_depend_on_the_profile(engine):
    alone = engine.logits(rows(8)[:1])

    together = engine.logits(rows(8))

    np.testing.assert_allclose(together[:1], alone, rtol=0, atol=0.05)


def test_engine_agrees_with_the_cuda_provider(engine, onnx):
    onnxruntime = pytest.importorskip("onnxruntime")

    found = compare(engine, CudaSession(onnx, onnxruntime), rows(32), (1, 8, 32))

    print(asdict(found))  # noqa: T201 - what a person runs this for
    assert found.agreement == 1.0

"""Torch pieces as programs that another process loads."""

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from configs.edge_steps import LitertConvertStep
from models.errors import BuildFailed
from models.litert.programs import write_program
from models.recipes.pieces import Piece
from models.steps import litert_convert
from models.training import weights
from tests.fakes_litert import FakeTools
from tests.tiny_bench import TinyBench

SHAPE = (3, 8, 8)
STEP = LitertConvertStep(step="litert-convert")


@pytest.fixture
def tiny(tmp_path):
    return TinyBench(tmp_path)


@pytest.fixture
def source(tiny):
    """A small residual network, whose layers are alike in shape."""
    options = {"stem": 4, "stages": "8:8:1", "classes": 4, "channels": 3}
    network = weights.fresh("tiny", "residual", options, 3)
    piece = Piece(tiny.empty("torch"))
    weights.save(network, piece.folder)
    return piece


def bench(tiny):
    return tiny.bench(STEP.model_dump(mode="json"))


def test_loaded_program_answers_as_the_network_does(tiny, source, tmp_path):
    file = tmp_path / "program.pt2"

    example = write_program(bench(tiny), source, SHAPE, file)

    loaded = torch.export.load(file).module()
    for row, logits in zip(example.rows, example.logits, strict=True):
        with torch.no_grad():
            found = loaded(torch.from_numpy(row[None])).numpy()[0]
        np.testing.assert_allclose(found, logits, atol=1e-4)


def test_program_holds_every_weight_of_the_network(tiny, source, tmp_path):
    file = tmp_path / "program.pt2"

    write_program(bench(tiny), source, SHAPE, file)

    held = torch.export.load(file).state_dict
    kernels = [value for value in held.values() if value.ndim == 4]
    trained = [value for value in load_file(source.weights).values() if value.ndim == 4]
    assert len(kernels) == len(trained)
    assert all(kernel.is_contiguous() for kernel in kernels)
    assert len({kernel.detach().numpy().tobytes() for kernel in kernels}) == len(
        kernels
    )


def test_onnx_alone_cannot_be_converted(tiny, tmp_path):
    with pytest.raises(BuildFailed, match="no weights to train"):
        write_program(bench(tiny), tiny.source, SHAPE, tmp_path / "program.pt2")


def test_file_that_answers_otherwise_than_its_source_is_refused(tiny, source):
    with pytest.raises(BuildFailed, match="logits must be within"):
        litert_convert.run(STEP, source, tiny.empty("target"), bench(tiny), FakeTools())

"""Real environments: converter, quantizer and both runtimes on a small network.

They are kept below HEADWATER_HOME/envs and fetched once (2.5 GB).
"""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from configs.edge_steps import LitertCheckStep, LitertQuantizeStep
from configs.environment import load_environment
from models.environments import ToolEnvironment
from models.litert import toolings
from models.litert.reading import read_file
from models.litert.workers.running import answered, opened
from models.recipes.bench import Bench, Rooms
from models.recipes.pieces import Piece
from models.steps import litert_check, litert_quantize
from tests.tiny_bench import TinyBench
from tests.tiny_lite import put, rows, tiny_float

SCHEMES = {"int8": "INT8", "dynamic": "FLOAT32", "float16": "FLOAT32"}


@pytest.fixture
def tiny(tmp_path):
    """A bench whose home has the environments of this installation."""
    kept = load_environment().home / "envs"
    kept.mkdir(parents=True, exist_ok=True)
    (tmp_path / "envs").symlink_to(kept)
    return TinyBench(tmp_path)


def with_home(bench: Bench, folder: Path) -> Bench:
    rooms = Rooms(bench.scratch, bench.checkpoints, folder / "workshop" / "logits")
    bench.rooms = rooms
    return bench


def quantized(tiny, scheme):
    step = LitertQuantizeStep(step="litert-quantize", scheme=scheme)
    bench = with_home(tiny.bench(step.model_dump(mode="json")), tiny.folder)
    source, target = Piece(tiny.empty("source")), Piece(tiny.empty("target"))
    source.litert.write_bytes(tiny_float(dead_channel=True))
    litert_quantize.run(step, source, target.folder, bench)
    return target


@pytest.mark.parametrize("scheme", SCHEMES)
def test_quantized_network_answers_as_the_float_one_does(tiny, scheme):
    piece = quantized(tiny, scheme)

    wanted = answered(
        opened(str(put(tiny.folder, tiny_float()))), rows(), lambda *_: None
    )
    found = answered(opened(str(piece.litert)), rows(), lambda *_: None)
    (image,) = read_file(piece.litert).of(read_file(piece.litert).inputs)
    assert image.datatype == SCHEMES[scheme]
    assert np.abs(found - wanted).max() <= 0.2 * np.ptp(wanted)


def test_quantizing_twice_gives_the_same_bytes(tiny):
    one, two = quantized(tiny, "int8"), quantized(tiny, "int8")

    assert one.litert.read_bytes() == two.litert.read_bytes()


@pytest.mark.parametrize("scheme", ["int8", "dynamic"])
def test_full_layer_has_one_scale_and_convolutions_one_a_channel(tiny, scheme):
    graph = read_file(quantized(tiny, scheme).litert)

    weights = {op.name: graph.tensors[op.inputs[1]] for op in graph.ops}
    assert weights["CONV_2D"].is_per_channel
    assert not weights["FULLY_CONNECTED"].is_per_channel


def test_largest_logit_is_not_clipped(tiny):
    piece = quantized(tiny, "int8")
    images = rows(64, seed=3)

    float_file = put(tiny.folder, tiny_float(dead_channel=True))
    wanted = answered(opened(str(float_file)), images, lambda *_: None)
    (logits,) = read_file(piece.litert).of(read_file(piece.litert).outputs)
    span = 255 * logits.scales[0]
    assert span >= 0.5 * np.ptp(wanted)


def test_old_and_new_runtime_give_the_answers_of_plain_kernels(tiny):
    step = LitertCheckStep(step="litert-check", photos=24, threads=(1, 2))
    bench = with_home(tiny.bench(step.model_dump(mode="json")), tiny.folder)
    target = Piece(tiny.empty("target"))

    facts = litert_check.run(step, quantized(tiny, "int8"), target.folder, bench)

    assert "tflite-runtime-2.14.0" in str(facts["ways"])


def test_converted_network_answers_as_the_torch_one_does(tiny):
    environment = ToolEnvironment(toolings.converter(), tiny.folder / "envs")
    torch.manual_seed(0)
    conv, full = nn.Conv2d(3, 4, 3, padding=1), nn.Linear(4, 4)
    network = nn.Sequential(
        conv, nn.ReLU6(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), full
    ).eval()
    program, target = tiny.folder / "p.pt2", tiny.folder / "p.tflite"
    torch.export.save(torch.export.export(network, (torch.zeros(1, 3, 8, 8),)), program)

    said = {"program": str(program), "target": str(target), "channels_last": True}
    environment.call(
        "models.litert.workers.converting", said, variables=toolings.VARIABLES
    )

    images = rows()
    found = answered(opened(str(target)), images, lambda *_: None)
    with torch.no_grad():
        wanted = network(torch.from_numpy(images.transpose(0, 3, 1, 2).copy())).numpy()
    np.testing.assert_allclose(found, wanted, atol=1e-5)
    assert read_file(target).tensors[read_file(target).inputs[0]].shape == (1, 8, 8, 3)

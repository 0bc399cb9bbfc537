"""Training with LiteRT's rounding leaves a torch piece whose weights lie on its steps."""

import json

import numpy as np
import pytest
import torch

from models.recipes.pieces import Piece
from models.steps import qat, train
from models.training import session
from models.training.folding import folded, unfolded, units
from models.training.loop import top1
from models.training.weights import load
from tests.tiny_training import TEACHER, make_training_bench

TRAIN = {
    "step": "train", "architecture": "residual", "options": TEACHER, "epochs": 5,
    "batch": 16, "lr": 0.01,
}  # fmt: skip
QAT = {"step": "qat-litert", "epochs": 2, "batch": 16, "lr": 2e-3}
LEVELS = 127


def made(run, step, source, folder):
    """One step on a bench of its own."""
    folder.mkdir()
    target = folder / "piece"
    target.mkdir()
    bench = make_training_bench(folder, step, calibration="train")
    facts = run(bench.recipe.steps[0], source, target, bench)
    return Piece(target), json.loads(json.dumps(facts)), bench


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    folder = tmp_path_factory.mktemp("rounding")
    source, _, _ = made(train.run, TRAIN, None, folder / "teacher")
    return source, *made(qat.run_for_litert, QAT, source, folder / "qat")


def test_piece_is_a_network_as_right_as_it_was_told(trained):
    _, piece, facts, bench = trained

    network = load("tiny", piece).module

    assert piece.is_torch
    assert facts["qat_top1"] >= facts["ptq_top1"] - 0.05
    assert top1(network, session.labelled(bench, "test")) > 0.8


def test_weights_of_convolutions_lie_on_the_steps_of_their_channels(trained):
    network = load("tiny", trained[1]).module

    for layer in units(folded(network)):
        weight = dict(layer.named_parameters())["0.weight"].detach()
        for channel in weight.flatten(1):
            steps = channel / channel.abs().max() * LEVELS
            torch.testing.assert_close(steps, steps.round(), atol=2e-3, rtol=0)


def test_last_weights_lie_on_the_steps_of_one_scale(trained):
    weight = load("tiny", trained[1]).module.head.weight.detach()

    steps = weight / weight.abs().max() * LEVELS

    torch.testing.assert_close(steps, steps.round(), atol=2e-3, rtol=0)
    assert len(np.unique(steps.round().numpy())) > 10


def test_normalisations_that_only_add_change_no_answer(trained):
    network = folded(load("tiny", trained[0]).module)
    images = torch.rand(4, 3, 8, 8)

    with torch.no_grad():
        wanted, found = network(images), unfolded(network)(images)

    torch.testing.assert_close(found, wanted)
    assert all(layer[0].bias is None for layer in units(unfolded(network)))

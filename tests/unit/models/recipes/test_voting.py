"""A teacher of several says what the pipeline would answer when it is served."""

import numpy as np
import pytest

from deployments.ensembles.node import Ensemble, Manner
from models.ensembles import softmax
from models.recipes.bench import Teacher
from models.recipes.pieces import Piece
from models.recipes.voting import LEAST_SHARE, voted
from tests.fakes_ensembles import ToldNode, member, rows
from tests.tiny_training import model_spec

ROWS, CLASSES = 40, 5
SHARES = (0.5, 0.2, 0.3)


def answers():
    draw = np.random.default_rng(3)
    return [
        draw.normal(0, 3, (ROWS, CLASSES)).astype(np.float32)
        for _ in range(len(SHARES))
    ]


def teachers(folder, by_majority=False, temperatures=(1.0, 1.5, 0.7)):
    spec = model_spec()
    return [
        Teacher(Piece(folder), spec, share, at, by_majority)
        for share, at in zip(SHARES, temperatures, strict=True)
    ]


@pytest.mark.parametrize("strategy", ["soft_vote", "majority"])
async def test_vote_is_the_one_of_the_served_ensemble(tmp_path, strategy):
    logits, panel = answers(), teachers(tmp_path, strategy == "majority")
    members = [
        member(ToldNode(own), f"m{at}", weight=one.weight, temperature=one.temperature)
        for at, (own, one) in enumerate(zip(logits, panel, strict=True))
    ]
    ensemble = Ensemble("p", members, Manner(strategy))
    served = (await ensemble.infer(rows(*range(ROWS)))).outputs["probability"]

    found = softmax(voted(panel, logits))

    assert np.abs(found - served).max() < CLASSES * LEAST_SHARE
    assert (found.argmax(1) == served.argmax(1)).all()


def test_one_alone_keeps_its_logits(tmp_path):
    own, (first, *_) = answers()[0], teachers(tmp_path)

    assert voted([first], [own]) is own


def test_temperature_of_one_alone_counts(tmp_path):
    own, (_, second, _) = answers()[0], teachers(tmp_path)

    assert np.array_equal(voted([second], [own]), own / np.float32(1.5))

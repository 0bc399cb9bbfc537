"""Whether another runtime is worth it: the decision, and what it is made from."""

from pathlib import Path

import numpy as np
import pytest

from configs.model import ImageSpec, TensorSpec
from models import machine
from models.card import PreferenceFact, RuntimeQualityFact, RuntimeTimeFact
from models.datasets import Dataset, Photo
from models.evaluate import quality
from models.prefer import (
    Contest,
    Entrant,
    Photos,
    judge_runtimes,
    refusal,
    time_runtimes,
)
from models.statistics import wilson
from tests.tiny_cards import a_plain_card

SIDE, PHOTOS, CLASSES = 4, 40, 3
IMAGE = ImageSpec(size_px=SIDE)
BAR = 1.0


class Told:
    """A runtime whose logits are the mean colour of each channel, times `factor`."""

    def __init__(self, factor=1.0):
        self.factor, self.batches = factor, []

    def run(self, inputs):
        rows = inputs["x"]
        self.batches.append(len(rows))
        return {"y": self.factor * rows.mean(axis=(2, 3))}


def card():
    inputs = (TensorSpec(name="x", datatype="FP32", shape=(3, SIDE, SIDE)),)
    return a_plain_card(inputs=inputs, image=IMAGE)


def contest(onnx, other):
    return Contest(card(), IMAGE, Entrant(onnx), Entrant(other))


def photos(fp32=None):
    labels = np.arange(PHOTOS) % CLASSES
    crops = np.zeros((PHOTOS, SIDE, SIDE, 3), np.uint8)
    for row, label in enumerate(labels):
        crops[row, ..., label] = 255
    listed = tuple(
        Photo(Path(f"{row}.png"), int(label)) for row, label in enumerate(labels)
    )
    return Photos(Dataset("colours", "d" * 64, listed), crops, fp32)


def judged(top1=PHOTOS, same=PHOTOS):
    """So many of the photos right, and as on ONNX Runtime; that one has all right."""
    labels = photos().dataset.labels
    right = np.eye(CLASSES, dtype=np.float32)[labels]
    wrong = np.roll(right, 1, axis=1)
    scores = np.where((np.arange(PHOTOS) < top1)[:, None], right, wrong)
    fact = quality(photos().dataset, scores, right)
    return RuntimeQualityFact(quality=fact, same=wilson(same, PHOTOS))


def times(**shares):
    return tuple(
        RuntimeTimeFact(
            batch_size=int(size[1:]), onnx_ms=10, ms=9, cpu_share=share, turns=9
        )
        for size, share in shares.items()
    )


WELL, FASTER = (judged(),), times(b1=1.0, b4=0.8)


def fact(quality=WELL, times=FASTER):
    return PreferenceFact(
        runtime="openvino",
        created="2026-01-02",
        quality=quality,
        times=times,
        machine=machine.describe(),
    )


def test_as_good_and_faster_is_preferred():
    assert refusal(fact(), BAR) == ""


def test_gain_below_the_margin_is_none():
    told = refusal(fact(times=times(b1=0.97, b4=0.96)), BAR)

    assert told.startswith("a batch of 4 takes 4.0% less of the CPU")


def test_gain_of_full_batches_does_not_pay_for_slow_single_rows():
    told = refusal(fact(times=times(b1=1.2, b4=0.8)), BAR)

    assert told == "a batch of 1 takes 20% more of the CPU"


def test_loss_of_quality_that_the_photos_prove_is_no_preference():
    assert "points of top-1 lost" in refusal(fact((judged(top1=20, same=40),)), BAR)


def test_other_answers_than_onnx_runtime_gives_are_no_preference():
    assert "ONNX Runtime's answer" in refusal(fact((judged(same=20),)), BAR)


def test_what_was_not_judged_is_not_preferred():
    assert refusal(fact(quality=()), BAR) == "it was not measured"


def test_quality_is_of_the_other_runtime_against_fp32():
    found = judge_runtimes(contest(Told(), Told()), photos())

    assert found.quality.top1.value == found.same.value == 1.0
    assert found.quality.drop_points is not None
    assert found.quality.drop_points.value == 0.0


def test_runtime_that_answers_otherwise_is_found_out():
    found = judge_runtimes(contest(Told(), Told(-1.0)), photos())

    assert found.same.value == 0.0
    assert found.quality.top1.value == 0.0
    assert found.quality.drop_points is not None
    assert found.quality.drop_points.value == pytest.approx(100.0)


def test_both_runtimes_get_the_same_batches_in_turns():
    onnx, other = Told(), Told()

    found = time_runtimes(contest(onnx, other), rows=5, turns=4)

    assert onnx.batches == other.batches
    assert {*onnx.batches} == {5}
    assert (found.batch_size, found.turns) == (5, 4)
    assert found.cpu_share > 0


def test_runtime_that_takes_crops_gets_them_as_they_are():
    class Cropped(Told):
        def run(self, inputs):
            assert inputs["x"].dtype == np.uint8
            return super().run({"x": inputs["x"].transpose(0, 3, 1, 2)})

    asked = Contest(card(), IMAGE, Entrant(Told()), Entrant(Cropped(), True))

    assert judge_runtimes(asked, photos()).same.value == 1.0

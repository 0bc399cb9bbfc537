"""Training that can be cut off anywhere."""

from pathlib import Path

import pytest
import torch

from configs.model import ImageSpec
from models.errors import BuildFailed
from models.progress import silent
from models.training.loop import Desk, Plan, Training, rate, top1
from models.training.photos import Photos

IMAGE = ImageSpec(size_px=1, mean=0, std=255)


class CutOffError(Exception):
    """Stands for a crash."""


@pytest.fixture
def photos() -> Photos:
    draw = torch.Generator().manual_seed(0)
    crops = torch.randint(0, 256, (64, 1, 1, 3), dtype=torch.uint8, generator=draw)
    return Photos(crops, (crops[:, 0, 0, 0] > 127).long(), IMAGE)


def network():
    linear = torch.nn.Linear(3, 2)
    torch.nn.init.constant_(linear.weight, 0.1)
    torch.nn.init.zeros_(linear.bias)
    return torch.nn.Sequential(torch.nn.Flatten(), linear)


def plan(**others):
    given = {"epochs": 5, "batch": 8, "lr": 0.1, "patience": 9, "seed": 3}
    return Plan("train", **{**given, **others})


def train(module, photos, folder: Path, the_plan=None, cut_in: int | None = None):
    def lesson(epoch, rows):
        if epoch == cut_in:
            raise CutOffError
        logits = module(photos.inputs(rows))
        return torch.nn.functional.cross_entropy(logits, photos.labels[rows])

    desk = Desk("recipe", silent, folder)
    training = Training(module, the_plan or plan(), desk)
    return training.run(len(photos), lesson, lambda: top1(module, photos))


def test_run_that_was_cut_off_ends_as_one_that_was_not(photos, tmp_path):
    whole, parted, rest = network(), network(), network()
    history = train(whole, photos, tmp_path / "whole")

    with pytest.raises(CutOffError):
        train(parted, photos, tmp_path / "parted", cut_in=3)
    resumed = train(rest, photos, tmp_path / "parted")

    assert resumed == history
    assert torch.equal(rest[1].weight, whole[1].weight)
    assert history.best_top1 > 0.9


def test_checkpoint_that_is_damaged_or_of_another_plan_is_left(photos, tmp_path):
    history = train(network(), photos, tmp_path / "new")
    train(network(), photos, tmp_path / "other", plan(seed=4))
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad" / "train.pt").write_bytes(b"half a checkpoi")

    assert train(network(), photos, tmp_path / "other") == history
    assert train(network(), photos, tmp_path / "bad") == history


def test_weights_are_those_of_the_best_epoch(photos, tmp_path):
    module = network()
    told = iter([0.5, 0.9, 0.7])
    kept = []

    def examine():
        kept.append(module[1].weight.detach().clone())
        return next(told)

    def lesson(epoch, rows):
        logits = module(photos.inputs(rows))
        return torch.nn.functional.cross_entropy(logits, photos.labels[rows])

    training = Training(module, plan(epochs=3), Desk("recipe", silent, tmp_path))
    history = training.run(len(photos), lesson, examine)

    assert history.best_epoch == 1
    assert torch.equal(module[1].weight, kept[1])


def test_training_ends_early_when_nothing_gets_better(photos, tmp_path):
    module = network()
    training = Training(
        module, plan(epochs=9, patience=2), Desk("recipe", silent, tmp_path)
    )
    tops = iter([0.6, 0.5, 0.5, 0.9])

    history = training.run(
        len(photos), lambda epoch, rows: module[1].weight.sum(), lambda: next(tops)
    )

    assert history.validation_top1 == [0.6, 0.5, 0.5]


def test_loss_that_is_no_number_says_what_to_do(photos, tmp_path):
    module = network()
    training = Training(module, plan(), Desk("recipe", silent, tmp_path))

    with pytest.raises(BuildFailed, match=r"recipe: train failed: the loss is nan in"):
        training.run(
            len(photos),
            lambda epoch, rows: module[1].weight.sum() * float("nan"),
            lambda: 0.0,
        )


def test_rate_goes_up_and_then_down_to_nothing():
    rates = [rate(done / 100) for done in range(101)]

    assert max(rates) == rates[25] == 1
    assert rates[0] < 0.1
    assert rates[100] < 1e-9

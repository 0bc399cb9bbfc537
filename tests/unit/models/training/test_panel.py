"""Who may teach a student, and what each of those who teach it sees."""

import numpy as np
import pytest
import torch

from configs.audio import AudioSpec
from configs.augmentation import AugmentationSpec
from configs.model import ImageSpec, TensorSpec
from models.errors import BuildFailed
from models.recipes.bench import Teacher
from models.recipes.pieces import Piece
from models.training import session, weights
from models.training.panel import Panel
from models.training.photos import View
from models.training.teachers import Council
from tests.tiny_training import STUDENT, TEST, TRAIN, a_folder, make_training_bench

STEP: dict[str, object] = {
    "step": "distil",
    "teacher": {"pipeline": "eyes"},
    "student": "separable",
    "options": STUDENT,
}


@pytest.fixture
def bench(tmp_path):
    return make_training_bench(tmp_path, STEP)


@pytest.fixture
def piece(bench, tmp_path):
    """A network that has learned nothing; what it says is its own all the same."""
    network = session.begin(bench, "separable", STUDENT)
    network.module.eval()
    folder = a_folder(tmp_path, "piece")
    weights.save(network, folder)
    return Piece(folder)


def said(piece, inputs):
    with torch.no_grad():
        return weights.load("tiny", piece).module(inputs)


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        (
            {"image": None, "audio": AudioSpec()},
            "other must share the student's kind of input: photos, got recordings",
        ),
        ({"image": None}, "photos need an image block"),
        (
            {"outputs": (TensorSpec(name="logits", datatype="FP32", shape=(4,)),)},
            r"other must share the student's classes: \(3,\), got \(4,\)",
        ),
    ],
)
def test_teacher_of_another_task_is_refused(bench, piece, changed, reason):
    other = bench.spec.model_copy(update={**changed, "id": "other"})

    with pytest.raises(BuildFailed, match=reason):
        Panel(bench, [Teacher(piece, other)])


def test_teacher_whose_classes_have_other_names_is_refused(bench, piece, tmp_path):
    labels = tmp_path / "catalogue"
    (labels / "mine.txt").write_text("row\ncolumn\nblock\n")
    (labels / "theirs.txt").write_text("column\nrow\nblock\n")
    bench.spec = bench.spec.model_copy(update={"labels": "mine.txt"})
    other = bench.spec.model_copy(update={"labels": "theirs.txt", "id": "other"})

    with pytest.raises(BuildFailed, match=r"student's labels: mine\.txt, got theirs"):
        Panel(bench, [Teacher(piece, other)])


def test_nobody_teaches_nothing(bench):
    with pytest.raises(BuildFailed, match="the teacher was not found"):
        Panel(bench, [])


def test_members_see_photos_at_their_own_size_and_varied_alike(bench, piece):
    larger = ImageSpec(size_px=12)
    other = bench.spec.model_copy(update={"image": larger, "id": "other"})
    drawn = AugmentationSpec(flip=True, shift_px=2, zoom=0.2, noise=0.3)
    sets = session.open_sets(bench)
    view = View(sets.train, drawn, 0, 1)
    panel = Panel(bench, [Teacher(piece, other)])

    told = Council(bench, panel, sets).soft_labels(view, drawn)

    seen = session.seen_by(bench, sets, larger).train
    theirs = View(seen, drawn, 0, 1, like=bench.spec.image)
    inputs = theirs.inputs(torch.arange(len(view)))
    assert inputs.shape[2:] == (12, 12)
    apart = (told.float() - said(piece, inputs)).abs().max()
    otherwise = View(seen, drawn, 0, 1).inputs(torch.arange(len(view)))
    assert apart < 0.1 * (told.float() - said(piece, otherwise)).abs().max()


def test_answers_are_other_ones_when_a_vote_counts_otherwise(bench, piece):
    sets = session.open_sets(bench)
    drawn = AugmentationSpec()
    view = View(sets.train, drawn, 0, 0)
    for said_of in ({}, {"temperature": 2.0}, {"weight": 0.5}, {"by_majority": True}):
        teacher = Teacher(piece, bench.spec, **said_of)
        Council(bench, Panel(bench, [teacher]), sets).soft_labels(view, drawn)

    assert len(list(bench.rooms.logits.glob("soft-*.npy"))) == 4


def test_rows_held_out_are_the_same_at_every_size(bench):
    sets = session.open_sets(bench)
    same = session.seen_by(bench, sets, bench.spec.image)

    assert torch.equal(same.train.crops, sets.train.crops)
    assert torch.equal(same.validation.crops, sets.validation.crops)


def test_named_validation_photos_are_seen_at_another_size_too(tmp_path):
    bench = make_training_bench(tmp_path, STEP, validation="test")
    larger = ImageSpec(size_px=12)

    seen = session.seen_by(bench, session.open_sets(bench), larger)

    assert seen.train.crops.shape == (TRAIN, 12, 12, 3)
    assert seen.validation.crops.shape == (TEST, 12, 12, 3)


def test_class_of_a_photo_is_the_one_that_they_find_most_probable(bench, piece):
    photos = session.labelled(bench, "test")
    both = [Teacher(piece, bench.spec, 0.5), Teacher(piece, bench.spec, 0.5)]

    found = Panel(bench, both).classes("test")

    own = said(piece, photos.inputs(torch.arange(TEST)))
    assert np.array_equal(found.numpy(), own.argmax(1).numpy())

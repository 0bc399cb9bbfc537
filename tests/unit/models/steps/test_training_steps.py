"""The steps that train, on photos of 8x8 pixels."""

import json
from collections.abc import Callable, Mapping

import numpy as np
import onnx
import pytest
import torch
from onnx import numpy_helper
from safetensors.torch import load_file

from configs.recipe import RecipeSpec
from configs.steps import DistilStep, TrainStep
from models.errors import BuildFailed, NotLabelled
from models.recipes.bench import Teacher
from models.recipes.pieces import Piece
from models.runtime import Runner
from models.steps import distil, export, prune, qat, train
from models.training import session
from models.training.loop import top1
from models.training.panel import Panel
from models.training.weights import load
from tests.tiny_training import (
    STUDENT,
    TEACHER,
    TEST,
    a_folder,
    make_training_bench,
    nameless,
)

TRAIN = {
    "step": "train",
    "architecture": "residual",
    "options": TEACHER,
    "epochs": 6,
    "batch": 16,
    "lr": 0.01,
}
EXPORT = {"step": "export"}


def run(step, source, folder, name="piece", teachers=(), **data):
    """Run one step of a recipe on a bench of its own; its piece and its facts."""
    functions: dict[str, Callable[..., Mapping[str, object]]] = {
        "train": train.run,
        "distil": distil.run,
        "prune-unstructured": prune.run_unstructured,
        "prune-channels": prune.run_channels,
        "qat": qat.run,
        "export": export.run,
    }
    home = a_folder(folder, f"home-{name}")
    bench = make_training_bench(home, step, **data)
    bench.teachers = lambda reference: tuple(teachers)
    target = a_folder(folder, name)
    (spec,) = bench.recipe.steps
    facts = functions[step["step"]](spec, source, target, bench)
    return Piece(target, name), json.loads(json.dumps(facts)), bench


@pytest.fixture(scope="module")
def teacher(tmp_path_factory):
    folder = tmp_path_factory.mktemp("teacher")
    piece, facts, bench = run(TRAIN, None, folder)
    return piece, facts, bench


def on_test(piece, bench):
    return top1(load("tiny", piece).module, session.labelled(bench, "test"))


def test_training_learns_and_says_how_it_went(teacher):
    piece, facts, bench = teacher

    assert piece.is_torch
    assert on_test(piece, bench) > 0.9
    assert facts["photos"] == 220, "a twelfth is held out"
    assert len(facts["losses"]) == len(facts["validation_top1"]) == 6


def test_training_twice_gives_the_same_weights(teacher, tmp_path):
    again, _, _ = run(TRAIN, None, tmp_path)

    first, second = load_file(teacher[0].weights), load_file(again.weights)
    assert all(torch.equal(first[name], second[name]) for name in first)


def test_piece_is_trained_further_when_no_architecture_is_named(teacher, tmp_path):
    step = {"step": "train", "epochs": 1, "batch": 16, "lr": 1e-5}

    piece, _, bench = run(step, teacher[0], tmp_path)

    assert on_test(piece, bench) > 0.9


@pytest.mark.parametrize(
    ("changed", "data", "reason"),
    [
        ({"architecture": "vit"}, {}, "architecture must be of"),
        ({}, {"train": None}, "needs data.train"),
    ],
)
def test_training_that_cannot_start_says_why(tmp_path, changed, data, reason):
    with pytest.raises(BuildFailed, match=reason):
        run({**TRAIN, **changed}, None, tmp_path, **data)


def test_architecture_of_the_recipes_source_is_the_default(tmp_path):
    step = {"step": "train", "options": STUDENT, "epochs": 1, "batch": 16}

    piece, _, _ = run(step, None, tmp_path)

    assert json.loads(piece.architecture.read_text())["name"] == "separable"


def test_step_without_weights_before_it_says_what_to_put_there(tmp_path):
    with pytest.raises(BuildFailed, match="no weights to train: put `train` or `dis"):
        run(EXPORT, None, tmp_path)


def test_export_is_the_network_for_any_number_of_photos(teacher, tmp_path):
    source, _, _ = teacher

    piece, facts, bench = run(EXPORT, source, tmp_path)

    images = session.labelled(bench, "test").inputs(torch.arange(5))
    with torch.no_grad():
        wanted = load("tiny", source).module(images)
    got = Runner(piece.onnx).logits(images.contiguous().numpy())
    assert np.abs(got - wanted.numpy()).max() < 1e-3
    assert facts["largest_difference"] < 1e-3
    assert piece.is_torch, "it can still be trained"
    kinds = {node.op_type for node in onnx.load(piece.onnx).graph.node}
    assert "BatchNormalization" not in kinds
    assert b".py" not in piece.onnx.read_bytes(), "no source file of ours is named"


def test_weights_that_are_no_numbers_are_refused_by_name(teacher, tmp_path):
    from safetensors.torch import save_file

    broken = a_folder(tmp_path, "broken")
    (broken / "architecture.json").write_bytes(teacher[0].architecture.read_bytes())
    weights = load_file(teacher[0].weights)
    weights["head.bias"][0] = float("nan")
    save_file(weights, broken / "weights.safetensors")

    with pytest.raises(BuildFailed, match=r"head\.bias holds NaN"):
        run(EXPORT, Piece(broken), tmp_path)


DISTIL = {
    "step": "distil",
    "teacher": {"recipe": "teacher"},
    "student": "separable",
    "options": STUDENT,
    "epochs": 6,
    "batch": 16,
    "lr": 0.01,
    "augmentation": {"shift_px": 1, "noise": 0.05},
}


@pytest.mark.parametrize("hint", [0.0, 0.5])
def test_student_is_compared_with_teacher_and_with_itself_alone(
    teacher, tmp_path, hint
):
    _, _, bench = teacher
    teachers = [Teacher(teacher[0], bench.spec)]

    piece, facts, bench = run(
        {**DISTIL, "feature_hint": hint}, None, tmp_path, teachers=teachers
    )

    assert on_test(piece, bench) > 0.8
    assert facts["teacher_top1"] > 0.8
    assert len(facts["student"]["losses"]) == 6
    assert len(facts["student_without_teacher"]["losses"]) == 6
    assert len(list(bench.rooms.logits.glob("soft-*.npy"))) == 6


def test_teachers_answers_are_recalled_and_not_asked_again(teacher, tmp_path):
    from models.training.distillation import prepare

    _, _, its_bench = teacher
    bench = make_training_bench(tmp_path, DISTIL)
    told: list[str] = []
    bench.progress = lambda step, done, total: told.append(step)
    bench.teachers = lambda reference: (Teacher(teacher[0], its_bench.spec),)
    step = DistilStep.model_validate(DISTIL)
    first = prepare(bench, step)
    assert "ask the teacher" in told
    told.clear()

    again = prepare(bench, step)

    assert "ask the teacher" not in told
    pairs = zip(first.answers, again.answers, strict=True)
    assert all(torch.equal(one, two) for one, two in pairs)


def test_ensemble_of_onnx_models_teaches_by_its_vote(teacher, tmp_path):
    source, _, its_bench = teacher
    exported, _, bench = run(EXPORT, source, tmp_path)
    exported.weights.unlink()
    spec, photos = its_bench.spec, session.labelled(bench, "test")
    images = photos.inputs(torch.arange(TEST))
    own = load("tiny", source).module(images).softmax(1)

    both = Panel(bench, [Teacher(source, spec, 0.25), Teacher(exported, spec, 0.75)])

    assert torch.allclose(both.logits(lambda front: photos).exp(), own, atol=1e-4)


def test_hint_from_a_teacher_without_weights_is_refused(teacher, tmp_path):
    exported, _, bench = run(EXPORT, teacher[0], tmp_path, "exported")
    exported.weights.unlink()
    teachers = [Teacher(exported, bench.spec)]

    with pytest.raises(
        BuildFailed, match="feature_hint needs one teacher with weights"
    ):
        run({**DISTIL, "feature_hint": 1.0}, None, tmp_path, teachers=teachers)


def test_student_learns_from_photos_without_labels(teacher, tmp_path):
    piece, _, its_bench = teacher
    step = {**DISTIL, "teacher": {"pipeline": "eyes"}}
    bench = make_training_bench(tmp_path, step)
    nameless(bench, "train", tmp_path / "folder")
    bench.teachers = lambda reference: (Teacher(piece, its_bench.spec),)
    target = a_folder(tmp_path, "piece")

    facts = distil.run(DistilStep.model_validate(step), None, target, bench)

    assert on_test(Piece(target), its_bench) > 0.8
    assert facts["labels"] == "none: `top1` is agreement with the teacher"
    assert not {"teacher_top1", "student_without_teacher"} & set(facts)


@pytest.mark.parametrize("nobody_told", ["train", "test"])
def test_student_is_held_to_labels_where_photos_held_out_have_some(
    teacher, tmp_path, nobody_told
):
    piece, _, its_bench = teacher
    step = {**DISTIL, "epochs": 1}
    bench = make_training_bench(tmp_path, step, validation="test")
    nameless(bench, nobody_told, tmp_path / "folder")
    bench.teachers = lambda reference: (Teacher(piece, its_bench.spec),)
    target = a_folder(tmp_path, "piece")

    facts = distil.run(DistilStep.model_validate(step), None, target, bench)

    is_held_to_labels, learns_labels = nobody_told == "train", nobody_told == "test"
    assert ("teacher_top1" in facts) == is_held_to_labels
    assert ("labels" in facts) != is_held_to_labels
    assert ("student_without_teacher" in facts) == learns_labels


def test_photos_without_labels_need_a_teacher(tmp_path):
    bench = make_training_bench(tmp_path, TRAIN)
    nameless(bench, "train", tmp_path / "folder")
    step = TrainStep.model_validate(TRAIN)

    with pytest.raises(NotLabelled, match="train has no labels"):
        train.run(step, None, a_folder(tmp_path, "piece"), bench)


def test_half_of_the_weights_become_zero_and_stay_zero(teacher, tmp_path):
    step = {
        "step": "prune-unstructured",
        "sparsity": 0.5,
        "rounds": 2,
        "finetune_epochs": 1,
        "lr": 1e-3,
        "batch": 16,
    }

    piece, facts, bench = run(step, teacher[0], tmp_path)

    held = [one for one in load("tiny", piece).module.parameters() if one.ndim > 1]
    zeros = sum(int((one == 0).sum()) for one in held) / sum(map(torch.numel, held))
    assert zeros == pytest.approx(0.5, abs=0.01)
    assert [one["sparsity"] for one in facts["rounds"]] == [0.4375, 0.5]
    assert on_test(piece, bench) > 0.8


def test_channels_really_go_and_the_piece_still_loads_and_exports(teacher, tmp_path):
    step = {
        "step": "prune-channels",
        "ratio": 0.5,
        "rounds": 2,
        "round_to": 2,
        "finetune_epochs": 3,
        "lr": 3e-3,
        "batch": 16,
    }

    piece, facts, bench = run(step, teacher[0], tmp_path)

    options = json.loads(piece.architecture.read_text())["options"]
    assert options["stages"] == "8:8:1"
    assert facts["macs"] < 0.4 * facts["source_macs"]
    assert facts["parameters"] < 0.4 * facts["source_parameters"]
    assert on_test(piece, bench) > 0.7
    exported, _, _ = run(EXPORT, piece, tmp_path, "exported")
    assert exported.onnx.stat().st_size < 20_000


def test_qat_gives_back_what_4_bit_weights_lost(teacher, tmp_path):
    step = {"step": "qat", "epochs": 3, "batch": 16, "lr": 2e-3, "weights_bits": 4}

    piece, facts, bench = run(step, teacher[0], tmp_path)

    assert facts["qat_top1"] >= facts["ptq_top1"]
    images = session.labelled(bench, "test")
    found = Runner(piece.onnx).logits(
        images.inputs(torch.arange(TEST)).contiguous().numpy()
    )
    assert (found.argmax(1) == images.labels.numpy()).mean() > 0.8
    model = onnx.load(piece.onnx)
    held = [numpy_helper.to_array(one) for one in model.graph.initializer]
    convolutions = [one for one in held if one.dtype == np.int8 and one.ndim == 4]
    assert convolutions
    assert all(len(np.unique(np.abs(one[0]))) <= 8 for one in convolutions)


def test_same_recipe_can_name_every_training_step():
    RecipeSpec.model_validate(
        {
            "id": "all",
            "title": "all",
            "model": "tiny",
            "variant": "all",
            "source": {"architecture": "separable"},
            "steps": [TRAIN, DISTIL, EXPORT],
        }
    )

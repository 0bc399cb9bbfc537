"""The lessons of distillation; importing this imports torch."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

import torch
from torch import nn
from torch.nn import functional

from configs.steps import DistilStep
from models.errors import BuildFailed
from models.recipes.bench import Bench
from models.training.architectures import Classifier
from models.training.loop import History, Plan, Training, top1
from models.training.panel import Panel
from models.training.photos import View
from models.training.session import Course, desk_of, open_sets
from models.training.teachers import Council, torch_teacher

VIEWS, ANSWERS = 4, 240_000
"""Varied versions of the photos; a student meets each again every so many epochs. Of few
photos there are more, as long as the teacher need not answer more often than that."""


@dataclass(frozen=True, slots=True)
class Lessons:
    """What a student learns from: views, the teacher's answers to them, and how."""

    step: DistilStep
    plan: Plan
    course: Course
    views: Sequence[View]
    answers: Sequence[torch.Tensor]
    council: Council
    hinting: Classifier | None


class Hint(nn.Module):
    """The student and the projection of its features that should be the teacher's."""

    def __init__(self, student: Classifier, teacher: Classifier) -> None:
        super().__init__()
        inputs, outputs = student.head.in_features, teacher.head.in_features
        self.student = student
        self.projection = nn.Conv2d(inputs, outputs, 1)


def prepare(bench: Bench, step: DistilStep) -> Lessons:
    """Ask the teacher about every view, or recall what it said.

    Photos without labels get the class that the teacher finds most probable.

    Raises:
        BuildFailed: the teacher cannot teach this student, or gives no features for a hint.
        ModelError: the teacher or a dataset cannot be had.
    """
    teachers = bench.pieces_of(step.teacher)
    panel, hinting = Panel(bench, teachers), torch_teacher(bench, teachers)
    if step.feature_hint and hinting is None:
        reason = "feature_hint needs one teacher with weights, a recipe's torch piece"
        raise BuildFailed(bench.recipe.id, "distil", reason)
    sets = open_sets(bench, panel.classes)
    council = Council(bench, panel, sets)
    course = Course(sets, step.augmentation, desk_of(bench))
    views = course.views(bench.seed, view_count(len(course.sets.train), step.epochs))
    return Lessons(
        step,
        Plan("distil", step.epochs, step.batch, step.lr, step.patience, bench.seed),
        course,
        views,
        [council.soft_labels(view, step.augmentation) for view in views],
        council,
        hinting.module if hinting is not None and step.feature_hint else None,
    )


def view_count(photos: int, epochs: int) -> int:
    """How many views a student of so many epochs gets; at most one for each."""
    return min(max(VIEWS, ANSWERS // photos), epochs)


def learn(lessons: Lessons, student: Classifier) -> History:
    """Train `student` on labels and on what the teacher said.

    Raises:
        BuildFailed: the loss is no number any more.
    """
    step, hint = lessons.step, None
    if lessons.hinting is not None:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(lessons.plan.seed)
            hint = Hint(student, lessons.hinting)

    def lesson(epoch: int, rows: torch.Tensor) -> torch.Tensor:
        view = lessons.views[epoch % len(lessons.views)]
        told = lessons.answers[epoch % len(lessons.views)][rows].float()
        inputs = view.inputs(rows)
        features = student.features(inputs)
        logits = student.classify(features)
        loss = (1 - step.alpha) * view.loss(logits, rows)
        loss = loss + step.alpha * softened(logits, told, step.temperature)
        if hint is not None:
            loss = loss + step.feature_hint * _missed(hint, lessons, inputs, features)
        return loss

    training = Training(hint or student, lessons.plan, lessons.course.desk)
    sets = lessons.course.sets
    history = training.run(
        len(sets.train), lesson, lambda: top1(student, sets.validation)
    )
    student.eval()
    return history


def learn_alone(lessons: Lessons, student: Classifier) -> History:
    """Train `student` on labels, on the same views for as long.

    Raises:
        BuildFailed: the loss is no number any more.
    """
    plan, sets = lessons.plan, lessons.course.sets
    alone = Plan("alone", plan.epochs, plan.batch, plan.lr, plan.patience, plan.seed)

    def lesson(epoch: int, rows: torch.Tensor) -> torch.Tensor:
        view = lessons.views[epoch % len(lessons.views)]
        return view.loss(student(view.inputs(rows)), rows)

    training = Training(student, alone, lessons.course.desk)
    return training.run(len(sets.train), lesson, lambda: top1(student, sets.validation))


def softened(
    logits: torch.Tensor, told: torch.Tensor, temperature: float
) -> torch.Tensor:
    """How far `logits` are from the teacher's, both softened; scaled as gradients need."""
    mine = (logits / temperature).log_softmax(1)
    theirs = (told / temperature).softmax(1)
    return functional.kl_div(mine, theirs, reduction="batchmean") * temperature**2


def _missed(
    hint: Hint, lessons: Lessons, inputs: torch.Tensor, features: torch.Tensor
) -> torch.Tensor:
    """The mean square between projected features and the teacher's, at its size."""
    teacher = cast("Classifier", lessons.hinting)
    with torch.no_grad():
        wanted = teacher.features(inputs)
    projected = hint.projection(features)
    if projected.shape[2:] != wanted.shape[2:]:
        wanted = functional.adaptive_avg_pool2d(wanted, projected.shape[2:])
    return functional.mse_loss(projected, wanted)

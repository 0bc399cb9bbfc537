"""Training a network that was changed: the labels, and what it said before the change."""

from collections.abc import Callable

import torch
from torch import nn

from configs.steps import PruneChannelsStep, PruneUnstructuredStep
from models.training.architectures import Classifier
from models.training.distillation import softened
from models.training.loop import Lesson, Plan, Training, top1
from models.training.photos import View
from models.training.session import Course

OWN_SHARE, TEMPERATURE = 0.5, 2.0


def own_lesson(
    changed: nn.Module, before: nn.Module, course: Course, seed: int
) -> Lesson:
    """The lesson that keeps `changed` near `before`, which stays as it is."""
    before.eval()
    view = View(course.sets.train, course.augmentation, seed, 0)

    def lesson(epoch: int, rows: torch.Tensor) -> torch.Tensor:
        inputs = view.inputs(rows)
        with torch.no_grad():
            told = before(inputs)
        logits = changed(inputs)
        own = softened(logits, told, TEMPERATURE)
        return (1 - OWN_SHARE) * view.loss(logits, rows) + OWN_SHARE * own

    return lesson


def schedule(target: float, rounds: int) -> list[float]:
    """The share that is pruned after each round: fast at first, slow at last (cubic)."""
    return [target * (1 - (1 - (one + 1) / rounds) ** 3) for one in range(rounds)]


class Rounds:
    """The training between the rounds of one pruning step."""

    def __init__(
        self,
        step: PruneUnstructuredStep | PruneChannelsStep,
        before: Classifier,
        course: Course,
        seed: int,
    ) -> None:
        self._step, self._before = step, before
        self._course, self._seed = course, seed

    def tune(
        self,
        number: int,
        network: Classifier,
        after_step: Callable[[], None] = lambda: None,
    ) -> float:
        """Train `network` in round `number`; its top-1 on the validation photos.

        Raises:
            BuildFailed: the loss is no number any more.
        """
        step, sets = self._step, self._course.sets
        if step.finetune_epochs:
            name, epochs = f"prune-{number + 1}", step.finetune_epochs
            seed = self._seed + number
            plan = Plan(name, epochs, step.batch, step.lr, epochs, seed)
            lesson = own_lesson(network, self._before, self._course, seed)
            Training(network, plan, self._course.desk).run(
                len(sets.train),
                lesson,
                lambda: top1(network, sets.validation),
                after_step,
            )
        return top1(network, sets.validation)

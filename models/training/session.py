"""What every training step needs from its bench; importing this imports torch."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import torch

from configs.augmentation import AugmentationSpec
from configs.model import FrontEnd
from models.errors import BuildFailed
from models.recipes.bench import NO_IMAGE, Bench
from models.recipes.pieces import Piece
from models.training.architectures import Classifier
from models.training.loop import Desk, History, Plan, Training, top1
from models.training.photos import Photos, View
from models.training.weights import Network, fresh, load

HELD_OUT = 12
"""One of so many training photos is kept for validation when no dataset is named."""

Told = Callable[[str], torch.Tensor]
"""The class of each photo of a dataset, [n], of somebody who is asked."""


@dataclass(frozen=True, slots=True)
class Sets:
    """Photos to learn from, and those that tell when to stop."""

    train: Photos
    validation: Photos


def open_sets(bench: Bench, told: Told | None = None) -> Sets:
    """The training photos of the recipe, and its validation photos or a part held out.

    `told`: the classes of a dataset that has no labels; None: labels are needed.

    Raises:
        BuildFailed: the recipe names none, there are too few, or a label is no class.
        NotLabelled: a dataset has no labels, and nobody tells them.
        ModelError: a dataset cannot be had.
    """
    name = training_set(bench)
    photos = labelled(bench, name, told)
    if bench.data.validation is not None:
        return Sets(photos, labelled(bench, bench.data.validation, told))
    return Sets(*(photos.only(rows) for rows in _split(bench, len(photos))))


def is_labelled(bench: Bench) -> bool:
    """Whether the photos that a student learns from have labels.

    Raises:
        BuildFailed: the recipe names none.
        ModelError: the dataset cannot be had.
    """
    return bench.materials.dataset(training_set(bench)).is_labelled


def is_held_to_labels(bench: Bench) -> bool:
    """Whether the photos that a student is held out on have labels.

    Raises:
        BuildFailed: the recipe names none.
        ModelError: the dataset cannot be had.
    """
    held_out = bench.data.validation or training_set(bench)
    return bench.materials.dataset(held_out).is_labelled


def seen_by(bench: Bench, sets: Sets, front_end: FrontEnd) -> Sets:
    """The photos of `sets` and their labels, as a model with another front end sees them.

    Raises:
        ModelError: a dataset cannot be had.
    """
    crops = crops_of(bench, training_set(bench), front_end)
    if bench.data.validation is not None:
        held = crops_of(bench, bench.data.validation, front_end)
        each = (crops, held)
    else:
        rest, out = _split(bench, len(crops))
        each = (crops[rest], crops[out])
    return Sets(
        Photos(each[0], sets.train.labels, front_end),
        Photos(each[1], sets.validation.labels, front_end),
    )


def training_set(bench: Bench) -> str:
    """The dataset to learn from.

    Raises:
        BuildFailed: the recipe names none.
    """
    if bench.data.train is None:
        raise BuildFailed(bench.recipe.id, "training", "needs data.train, a dataset")
    return bench.data.train


def crops_of(bench: Bench, dataset: str, front_end: FrontEnd) -> torch.Tensor:
    """UINT8 [n, h, w, c].

    Raises:
        ModelError: the dataset cannot be had.
    """
    found = bench.materials.crops(dataset, front_end, bench.progress)
    return torch.from_numpy(found)


def _split(bench: Bench, count: int) -> tuple[torch.Tensor, torch.Tensor]:
    """The rows to learn from, and those held out; the same for every front end."""
    if count < 2 * HELD_OUT:
        reason = f"{bench.data.train} must have {2 * HELD_OUT} photos, got {count}"
        raise BuildFailed(bench.recipe.id, "training", reason)
    order = np.random.default_rng([bench.seed, HELD_OUT]).permutation(count)
    held, rest = np.split(order, [count // HELD_OUT])
    return torch.from_numpy(np.sort(rest)), torch.from_numpy(np.sort(held))


def desk_of(bench: Bench) -> Desk:
    """Where the training of this step happens."""
    return Desk(bench.recipe.id, bench.progress, bench.checkpoints)


def begin(bench: Bench, name: str, options: Mapping[str, object]) -> Network:
    """An untrained network with the inputs and classes of the recipe's model.

    Raises:
        BuildFailed: there is no such architecture or option.
    """
    shapes = {
        "channels": bench.spec.inputs[0].shape[0],
        "classes": bench.spec.outputs[0].shape[0],
    }
    return fresh(bench.recipe.id, name, {**options, **shapes}, bench.seed)


def source_network(bench: Bench, source: Piece | None) -> Network:
    """The network of the piece that a step starts from.

    Raises:
        BuildFailed: it is no torch piece, or a damaged one.
    """
    if source is None or not source.is_torch:
        reason = "the source has no weights to train: put `train` or `distil` before"
        raise BuildFailed(bench.recipe.id, "training", reason)
    return load(bench.recipe.id, source)


@dataclass(frozen=True, slots=True)
class Course:
    """Photos, how they are varied, and where it all happens."""

    sets: Sets
    augmentation: AugmentationSpec
    desk: Desk

    def views(self, seed: int, count: int) -> tuple[View, ...]:
        """As many views of the training photos."""
        return tuple(
            View(self.sets.train, self.augmentation, seed, index)
            for index in range(count)
        )


def learn_labels(network: Classifier, plan: Plan, course: Course) -> History:
    """Train on labels alone, every epoch on a view of its own.

    Raises:
        BuildFailed: the loss is no number any more.
    """
    held: dict[int, View] = {}

    def lesson(epoch: int, rows: torch.Tensor) -> torch.Tensor:
        if epoch not in held:
            held.clear()
            held[epoch] = View(course.sets.train, course.augmentation, plan.seed, epoch)
        view = held[epoch]
        return view.loss(network(view.inputs(rows)), rows)

    training = Training(network, plan, course.desk)
    validation = course.sets.validation
    photos = len(course.sets.train)
    return training.run(photos, lesson, lambda: top1(network, validation))


def labelled(bench: Bench, name: str, told: Told | None = None) -> Photos:
    """The photos of one dataset as the recipe's model sees them; `told` as above.

    Raises:
        BuildFailed: the model takes no photos, or a label is no class.
        NotLabelled: the dataset has no labels, and nobody tells them.
        ModelError: the dataset cannot be had.
    """
    image, classes = bench.spec.front_end, bench.spec.outputs[0].shape[0]
    if image is None:
        raise BuildFailed(bench.recipe.id, "training", NO_IMAGE)
    crops, dataset = crops_of(bench, name, image), bench.materials.dataset(name)
    if told is not None and not dataset.is_labelled:
        return Photos(crops, told(name), image)
    labels = dataset.labels
    if labels.max(initial=0) >= classes or labels.min(initial=0) < 0:
        reason = f"labels of {name} must be below {classes}, got {labels.max()}"
        raise BuildFailed(bench.recipe.id, "training", reason)
    return Photos(crops, torch.from_numpy(labels), image)

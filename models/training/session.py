"""What every training step needs from its bench; importing this imports torch."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch

from configs.augmentation import AugmentationSpec
from models.errors import BuildFailed
from models.recipes.bench import NO_IMAGE, Bench
from models.recipes.pieces import Piece
from models.training.architectures import Classifier
from models.training.loop import Desk, History, Plan, Training, top1
from models.training.photos import Photos, View
from models.training.weights import Network, fresh, load

HELD_OUT = 12
"""One of so many training photos is kept for validation when no dataset is named."""


@dataclass(frozen=True, slots=True)
class Sets:
    """Photos to learn from, and those that tell when to stop."""

    train: Photos
    validation: Photos


def open_sets(bench: Bench) -> Sets:
    """The training photos of the recipe, and its validation photos or a part held out.

    Raises:
        BuildFailed: the recipe names none, there are too few, or a label is no class.
        ModelError: a dataset cannot be had.
    """
    name = bench.data.train
    if name is None:
        raise BuildFailed(bench.recipe.id, "training", "needs data.train, a dataset")
    photos = labelled(bench, name)
    if bench.data.validation is not None:
        return Sets(photos, labelled(bench, bench.data.validation))
    if len(photos) < 2 * HELD_OUT:
        reason = f"{name} must have {2 * HELD_OUT} photos, got {len(photos)}"
        raise BuildFailed(bench.recipe.id, "training", reason)
    order = np.random.default_rng([bench.seed, HELD_OUT]).permutation(len(photos))
    held, rest = np.split(order, [len(photos) // HELD_OUT])
    return Sets(
        *(photos.only(torch.from_numpy(np.sort(rows))) for rows in (rest, held))
    )


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


def labelled(bench: Bench, name: str) -> Photos:
    """The photos of one dataset as the recipe's model sees them.

    Raises:
        BuildFailed: the model takes no photos, or a label is no class.
        ModelError: the dataset cannot be had.
    """
    image, classes = bench.spec.front_end, bench.spec.outputs[0].shape[0]
    if image is None:
        raise BuildFailed(bench.recipe.id, "training", NO_IMAGE)
    crops = bench.materials.crops(name, image, bench.progress)
    labels = bench.materials.dataset(name).labels
    if labels.max(initial=0) >= classes or labels.min(initial=0) < 0:
        reason = f"labels of {name} must be below {classes}, got {labels.max()}"
        raise BuildFailed(bench.recipe.id, "training", reason)
    return Photos(torch.from_numpy(crops), torch.from_numpy(labels), image)

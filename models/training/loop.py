"""Training that can be cut off anywhere; importing this imports torch.

Every draw and the learning rate follow from the seed and the epoch, and a checkpoint is
written after each epoch: a run that was cut off ends with the weights of one that was not.
"""

import math
import pickle
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from models.atomic import write_whole
from models.errors import BuildFailed
from models.progress import Progress
from models.training.photos import Photos

WARM_SHARE, WEIGHT_DECAY, MAX_GRADIENT = 0.25, 0.02, 5.0
EXAMINED_ROWS = 500

Lesson = Callable[[int, torch.Tensor], torch.Tensor]
"""The loss of an epoch's rows, to be made smaller."""


@dataclass(frozen=True, slots=True)
class Plan:
    """How long and how fast; `name` is the checkpoint's and the progress bar's."""

    name: str
    epochs: int
    batch: int
    lr: float
    patience: int
    seed: int


@dataclass(frozen=True, slots=True)
class Desk:
    """Where training happens: whose recipe it is, who is told, where checkpoints lie."""

    recipe: str
    progress: Progress
    checkpoints: Path


@dataclass(slots=True)
class History:
    """What each epoch gave; the weights are those of the best one."""

    losses: list[float] = field(default_factory=list)
    validation_top1: list[float] = field(default_factory=list)
    best_epoch: int = -1

    @property
    def best_top1(self) -> float:
        """Of the weights that were kept."""
        return self.validation_top1[self.best_epoch]

    def facts(self) -> dict[str, object]:
        """For a report."""
        return {**asdict(self), "best_top1": self.best_top1}


class Training:
    """One module on its way through the epochs of a plan."""

    def __init__(self, module: nn.Module, plan: Plan, desk: Desk) -> None:
        self._module, self._plan, self._desk = module, plan, desk
        self._optimiser = torch.optim.AdamW(_groups(module), lr=plan.lr)
        self._history, self._best = History(), _copied(module)
        self._file = desk.checkpoints / f"{plan.name}.pt"

    def run(
        self,
        photos: int,
        lesson: Lesson,
        examine: Callable[[], float],
        after_step: Callable[[], None] = lambda: None,
    ) -> History:
        """Train on so many photos; the module ends with the weights of its best epoch.

        Raises:
            BuildFailed: the loss is no number any more.
            StoreUnwritable: the disk is full; the last checkpoint stays.
        """
        with deterministic():
            self._resume()
            for epoch in range(len(self._history.losses), self._plan.epochs):
                if self._has_stalled():
                    break
                loss = self._learn(epoch, photos, lesson, after_step)
                self._note(epoch, loss, examine())
        self._module.load_state_dict(self._best)
        self._module.eval()
        return self._history

    def _learn(
        self, epoch: int, photos: int, lesson: Lesson, after_step: Callable[[], None]
    ) -> float:
        plan, total = self._plan, 0.0
        order = np.random.default_rng([plan.seed, epoch]).permutation(photos)
        batches = max(1, photos // plan.batch)
        steps = plan.epochs * batches
        self._module.train()
        for number in range(batches):
            rows = order[number * plan.batch : (number + 1) * plan.batch]
            step = epoch * batches + number
            for group in self._optimiser.param_groups:
                group["lr"] = plan.lr * rate(step / steps)
            loss = lesson(epoch, torch.from_numpy(rows))
            self._hold_to_numbers(epoch, loss)
            self._optimiser.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            nn.utils.clip_grad_norm_(self._module.parameters(), MAX_GRADIENT)
            self._optimiser.step()
            after_step()
            total += loss.item()
            self._desk.progress(plan.name, step + 1, steps)
        return total / batches

    def _hold_to_numbers(self, epoch: int, loss: torch.Tensor) -> None:
        if not math.isfinite(loss.item()):
            reason = f"the loss is {loss.item()} in epoch {epoch + 1}: lower lr"
            reason += f" ({self._plan.lr:g}) or look for NaN in weights and photos"
            raise BuildFailed(self._desk.recipe, self._plan.name, reason)

    def _note(self, epoch: int, loss: float, top1: float) -> None:
        history = self._history
        history.losses.append(round(loss, 5))
        history.validation_top1.append(round(top1, 5))
        if history.best_epoch < 0 or top1 >= history.best_top1:
            history.best_epoch, self._best = epoch, _copied(self._module)
        self._save()

    def _has_stalled(self) -> bool:
        done = len(self._history.losses)
        return done - 1 - self._history.best_epoch >= self._plan.patience

    def _save(self) -> None:
        state = {
            "plan": asdict(self._plan),
            "module": self._module.state_dict(),
            "optimiser": self._optimiser.state_dict(),
            "best": self._best,
            "history": asdict(self._history),
        }
        with write_whole(self._file) as part, part.open("wb") as content:
            torch.save(state, content)

    def _resume(self) -> None:
        """Go on from the checkpoint; one that is damaged or of another plan is left."""
        if not zipfile.is_zipfile(self._file):  # none, or a part of one
            return
        try:
            found: Any = torch.load(self._file, weights_only=True)
        except (OSError, RuntimeError, pickle.UnpicklingError, EOFError):
            return
        if found["plan"] != asdict(self._plan):
            return
        self._module.load_state_dict(found["module"])
        self._optimiser.load_state_dict(found["optimiser"])
        self._best, self._history = found["best"], History(**found["history"])


def rate(done: float) -> float:
    """The share of the learning rate at `done` of the run: up in a line, down in a cosine."""
    if done < WARM_SHARE:
        return 0.05 + 0.95 * done / WARM_SHARE
    return 0.5 * (1 + math.cos(math.pi * (done - WARM_SHARE) / (1 - WARM_SHARE)))


@torch.no_grad()
def top1(network: nn.Module, photos: Photos) -> float:
    """The share of `photos` that `network` names right, as it runs when served."""
    network.eval()
    right = 0
    for start in range(0, len(photos), EXAMINED_ROWS):
        rows = torch.arange(start, min(start + EXAMINED_ROWS, len(photos)))
        found = network(photos.inputs(rows)).argmax(1)
        right += int((found == photos.labels[rows]).sum())
    return right / len(photos)


@contextmanager
def deterministic() -> Iterator[None]:
    """Inside, torch takes no kernel whose result depends on timing."""
    before = torch.are_deterministic_algorithms_enabled()
    torch.use_deterministic_algorithms(True)
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(before)


def _groups(module: nn.Module) -> list[dict[str, Any]]:
    """Decay for the weights only: biases and normalisations have no reason to shrink."""
    held = [one for one in module.parameters() if one.requires_grad]
    return [
        {"params": [one for one in held if one.ndim > 1], "weight_decay": WEIGHT_DECAY},
        {"params": [one for one in held if one.ndim <= 1], "weight_decay": 0.0},
    ]


def _copied(module: nn.Module) -> dict[str, torch.Tensor]:
    return {name: value.clone() for name, value in module.state_dict().items()}

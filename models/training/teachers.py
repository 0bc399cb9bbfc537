"""What teachers say about varied training photos; importing this imports torch.

Teachers are torch pieces or ONNX files; several vote with their weights, as the served
ensemble does. Answers are kept on disk under a digest of all that they depend on.
"""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch

from configs.augmentation import AugmentationSpec
from models.atomic import write_whole
from models.errors import BuildFailed
from models.keys import hash_of
from models.recipes.bench import Bench, Teacher
from models.runtime import Runner
from models.store import digest
from models.training import weights
from models.training.loop import EXAMINED_ROWS
from models.training.photos import View

Asked = Callable[[torch.Tensor], torch.Tensor]


class Council:
    """Teachers who answer together."""

    def __init__(self, bench: Bench, teachers: Sequence[Teacher]) -> None:
        if not teachers:
            raise BuildFailed(bench.recipe.id, "distil", "the teacher was not found")
        self._bench, self._teachers = bench, teachers
        self._asked = [_asked(bench, teacher) for teacher in teachers]

    @torch.no_grad()
    def logits(self, inputs: torch.Tensor) -> torch.Tensor:
        """One teacher's own logits; of several, the logarithm of their mean vote."""
        answers = [ask(inputs) for ask in self._asked]
        if len(answers) == 1:
            return answers[0]
        shares = [one.weight for one in self._teachers]
        parts = [
            share * answer.softmax(1)
            for share, answer in zip(shares, answers, strict=True)
        ]
        return torch.stack(parts).sum(0).clamp_min(1e-7).log()

    def soft_labels(self, view: View, drawn: AugmentationSpec) -> torch.Tensor:
        """The logits for every photo of `view`, FP16 [n, classes]; from disk if there.

        Raises:
            StoreUnwritable: the disk is full.
        """
        kept = self._file(view, drawn)
        if kept.is_file():
            return torch.from_numpy(np.load(kept))
        count, answers = len(view), []
        for start in range(0, count, EXAMINED_ROWS):
            rows = torch.arange(start, min(start + EXAMINED_ROWS, count))
            answers.append(self.logits(view.inputs(rows)).half())
            self._bench.progress("ask the teacher", start + len(rows), count)
        found = torch.cat(answers)
        with write_whole(kept) as part, part.open("wb") as content:
            np.save(content, found.numpy())
        return found

    def _file(self, view: View, drawn: AugmentationSpec) -> Path:
        bench, seen = self._bench, self._bench.spec.front_end
        name = hash_of(
            {
                "teachers": [(_content(one), one.weight) for one in self._teachers],
                "photos": bench.materials.sha256(bench.data.train or ""),
                "held out": bench.data.validation is None,
                "image": seen and seen.model_dump(mode="json"),
                "augmentation": drawn.model_dump(mode="json"),
                "view": [view.seed, view.index],
            }
        )
        return bench.rooms.logits / f"soft-{name}.npy"


def torch_teacher(bench: Bench, teachers: Sequence[Teacher]) -> weights.Network | None:
    """The one teacher whose features can be seen, if it is such a one."""
    if len(teachers) == 1 and teachers[0].piece.is_torch:
        return weights.load(bench.recipe.id, teachers[0].piece)
    return None


def _content(teacher: Teacher) -> str:
    piece = teacher.piece
    return digest(piece.weights if piece.is_torch else piece.onnx)


def _asked(bench: Bench, teacher: Teacher) -> Asked:
    """A function that asks one teacher.

    Raises:
        BuildFailed: it takes other photos or knows other classes than the student.
    """
    mine, theirs = bench.spec, teacher.spec
    for word, wanted, got in (
        ("image", mine.image, theirs.image),
        ("audio", mine.audio, theirs.audio),
        ("classes", mine.outputs[0].shape, theirs.outputs[0].shape),
    ):
        if wanted != got:
            reason = f"{theirs.id} must share the student's {word}: {wanted}, got {got}"
            raise BuildFailed(bench.recipe.id, "distil", reason)
    if teacher.piece.is_torch:
        return weights.load(bench.recipe.id, teacher.piece).module
    if not teacher.piece.is_onnx:
        reason = f"{theirs.id} is neither a torch piece nor ONNX"
        raise BuildFailed(bench.recipe.id, "distil", reason)
    runner = Runner(teacher.piece.onnx)
    return lambda inputs: torch.from_numpy(runner.logits(inputs.contiguous().numpy()))

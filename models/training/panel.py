"""Teachers asked about photos, each as it sees them; importing this imports torch.

Teachers are torch pieces or ONNX files; the members of a pipeline vote as it is served.
"""

from collections.abc import Callable, Sequence

import torch

from configs.model import FrontEnd, ModelSpec
from models.errors import BuildFailed
from models.recipes.bench import NO_IMAGE, Bench, Teacher
from models.recipes.voting import voted
from models.runtime import Runner
from models.training import weights
from models.training.loop import EXAMINED_ROWS
from models.training.photos import Photos, Unlabelled, View
from models.training.session import crops_of

Asked = Callable[[torch.Tensor], torch.Tensor]
Seen = Photos | Unlabelled | View
Seeing = Callable[[FrontEnd], Seen]
"""The same photos in the same order, as a front end makes them."""


class Panel:
    """Teachers who answer together."""

    def __init__(self, bench: Bench, teachers: Sequence[Teacher]) -> None:
        """Open every teacher.

        Raises:
            BuildFailed: there are none, or one cannot teach this student.
        """
        if not teachers:
            raise BuildFailed(bench.recipe.id, "distil", "the teacher was not found")
        self._bench, self.teachers = bench, tuple(teachers)
        self._fronts = [_front_end(bench, teacher) for teacher in teachers]
        self._asked = [_asked(bench, teacher) for teacher in teachers]

    @torch.no_grad()
    def logits(self, seeing: Seeing) -> torch.Tensor:
        """What they answer about every photo, FP32 [n, classes]; see `voting.voted`."""
        each = {front: seeing(front) for front in dict.fromkeys(self._fronts)}
        count, answers = len(each[self._fronts[0]]), []
        for start in range(0, count, EXAMINED_ROWS):
            rows = torch.arange(start, min(start + EXAMINED_ROWS, count))
            inputs = {front: seen.inputs(rows) for front, seen in each.items()}
            said = [
                ask(inputs[front]).numpy()
                for ask, front in zip(self._asked, self._fronts, strict=True)
            ]
            answers.append(torch.from_numpy(voted(self.teachers, said)))
            self._bench.progress("ask the teacher", start + len(rows), count)
        return torch.cat(answers)

    def classes(self, dataset: str) -> torch.Tensor:
        """The class that they find most probable for each photo of `dataset`, [n].

        Raises:
            ModelError: the dataset cannot be had.
        """

        def seeing(front: FrontEnd) -> Unlabelled:
            return Unlabelled(crops_of(self._bench, dataset, front), front)

        return self.logits(seeing).argmax(1)


def _front_end(bench: Bench, teacher: Teacher) -> FrontEnd:
    """What makes the inputs of `teacher`.

    Photos may be of another size than the student's; recordings may not.

    Raises:
        BuildFailed: it takes something else, or knows other classes than the student.
    """
    mine, theirs = bench.spec, teacher.spec
    if theirs.front_end is None or mine.front_end is None:
        raise BuildFailed(bench.recipe.id, "distil", NO_IMAGE)
    for word, wanted, got in (
        ("kind of input", _kind(mine), _kind(theirs)),
        ("audio", mine.audio, theirs.audio),
        ("classes", mine.outputs[0].shape, theirs.outputs[0].shape),
        ("labels", mine.labels, _same_labels(bench, theirs)),
    ):
        if wanted != got:
            reason = f"{theirs.id} must share the student's {word}"
            raise BuildFailed(
                bench.recipe.id, "distil", f"{reason}: {wanted}, got {got}"
            )
    return theirs.front_end


def _same_labels(bench: Bench, teacher: ModelSpec) -> str | None:
    """The student's file of labels where the teacher's says the same, or the teacher's."""
    said = bench.materials.labels
    is_same = said(teacher) == said(bench.spec)
    return bench.spec.labels if is_same else teacher.labels


def _kind(spec: ModelSpec) -> str:
    return "photos" if spec.image is not None else "recordings"


def _asked(bench: Bench, teacher: Teacher) -> Asked:
    """A function that asks one teacher.

    Raises:
        BuildFailed: nothing here runs it.
    """
    if teacher.piece.is_torch:
        return weights.load(bench.recipe.id, teacher.piece).module
    if not teacher.piece.is_onnx:
        reason = f"{teacher.spec.id} is neither a torch piece nor ONNX"
        raise BuildFailed(bench.recipe.id, "distil", reason)
    runner = Runner(teacher.piece.onnx)
    return lambda inputs: torch.from_numpy(runner.logits(inputs.contiguous().numpy()))

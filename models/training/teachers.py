"""What teachers say about varied training photos; importing this imports torch.

Answers are kept on disk under a digest of all that they depend on.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from configs.augmentation import AugmentationSpec
from configs.model import FrontEnd
from models.atomic import write_whole
from models.keys import hash_of
from models.recipes.bench import Bench, Teacher
from models.store import digest
from models.training import weights
from models.training.panel import Panel
from models.training.photos import View
from models.training.session import Sets, seen_by

ALIKE = 1
"""How photos of other sizes are varied alike; what was kept before is not asked for."""


class Council:
    """A panel, and the photos of one recipe as each of it sees them."""

    def __init__(self, bench: Bench, panel: Panel, sets: Sets) -> None:
        self._bench, self._panel = bench, panel
        self._sets = {bench.spec.front_end: sets}

    def top1(self) -> float:
        """How often they are right on the validation photos."""
        labels = self._sets[self._bench.spec.front_end].validation.labels
        found = self._panel.logits(lambda front: self._seen(front).validation)
        return float((found.argmax(1) == labels).double().mean())

    def soft_labels(self, view: View, drawn: AugmentationSpec) -> torch.Tensor:
        """The logits for every photo of `view`, FP16 [n, classes]; from disk if there.

        Raises:
            StoreUnwritable: the disk is full.
        """
        kept = self._file(view, drawn)
        if kept.is_file():
            return torch.from_numpy(np.load(kept))

        def seeing(front: FrontEnd) -> View:
            if front == self._bench.spec.front_end:
                return view
            own = self._bench.spec.front_end
            return View(self._seen(front).train, drawn, view.seed, view.index, own)

        found = self._panel.logits(seeing).half()
        with write_whole(kept) as part, part.open("wb") as content:
            np.save(content, found.numpy())
        return found

    def _seen(self, front: FrontEnd) -> Sets:
        """The photos as a front end makes them; made once."""
        if front not in self._sets:
            own = self._sets[self._bench.spec.front_end]
            self._sets[front] = seen_by(self._bench, own, front)
        return self._sets[front]

    def _are_of_many_sizes(self) -> bool:
        """Whether a teacher sees other sizes than the student."""
        fronts = [one.spec.front_end for one in self._panel.teachers]
        own = self._bench.spec.front_end
        return any(one and own and one.shape != own.shape for one in fronts)

    def _file(self, view: View, drawn: AugmentationSpec) -> Path:
        bench, seen = self._bench, self._bench.spec.front_end
        said = {"varied": ALIKE} if self._are_of_many_sizes() else {}
        name = hash_of(
            {
                **said,
                "teachers": [_content(one) for one in self._panel.teachers],
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


def _content(teacher: Teacher) -> tuple[object, ...]:
    """Everything that a teacher's part in an answer depends on."""
    piece, seen = teacher.piece, teacher.spec.front_end
    return (
        digest(piece.weights if piece.is_torch else piece.onnx),
        teacher.weight,
        teacher.temperature,
        teacher.by_majority,
        seen and seen.model_dump(mode="json"),
    )

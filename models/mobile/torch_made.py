"""What every form that is made of torch weights needs; imports torch when it is used."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from configs.model import FrontEnd
from models.errors import BuildFailed
from models.evaluate import Floats
from models.imaging import normalise
from models.litert.cost import Cost
from models.mobile.nodes import Widths
from models.recipes.bench import NO_IMAGE, Bench
from models.recipes.pieces import Piece


@dataclass(frozen=True, slots=True)
class TorchSource:
    """The network of a torch piece as an exported program, and what feeds it."""

    program: Path
    seen: FrontEnd

    def answers(self, pixels: np.ndarray) -> Floats:
        """Its logits to pixels [n, h, w, c]."""
        from models.mobile.from_torch import answers

        return answers(self.program, normalise(pixels, self.seen))

    def cost(self, widths: Widths) -> Cost:
        """What one run costs with numbers of those widths."""
        from models.mobile.from_torch import cost_of

        return cost_of(self.program, widths)


def torch_source(step: str, source: Piece | None, bench: Bench) -> TorchSource:
    """The network of `source`, written into the step's scratch folder.

    Raises:
        BuildFailed: it is no torch piece, or the model takes no photos.
    """
    from models.litert.programs import write_program

    seen = bench.spec.front_end
    if seen is None:
        raise BuildFailed(bench.recipe.id, step, NO_IMAGE)
    program = bench.scratch / "program.pt2"
    write_program(bench, source, bench.spec.inputs[0].shape, program)
    return TorchSource(program, seen)

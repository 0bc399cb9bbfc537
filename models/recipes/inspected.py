"""What a recipe has left on the shelf, for whoever asks it more."""

from dataclasses import dataclass

from models.recipes.bench import Bench, Teacher
from models.recipes.pieces import Piece


@dataclass(frozen=True, slots=True)
class Inspected:
    """Every piece of a recipe, on a bench, beside what the last one is held against.

    `source`: what the first step began with; None: a fresh network.
    """

    bench: Bench
    pieces: tuple[Piece, ...]
    reference: tuple[Teacher, ...]
    source: Piece | None = None

    @property
    def reference_name(self) -> str:
        """What the last piece is held against, in words."""
        against = self.bench.bar.against
        named = None if against is None else against.recipe or against.pipeline
        if named is not None:
            return named
        return " + ".join(f"{one.spec.id} in float" for one in self.reference)

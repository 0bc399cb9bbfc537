"""What a recipe has left on the shelf, for whoever asks it more."""

from dataclasses import dataclass

from models.recipes.bench import Bench, Teacher
from models.recipes.pieces import Piece


@dataclass(frozen=True, slots=True)
class Inspected:
    """Every piece of a recipe, on a bench, beside what the last one is held against."""

    bench: Bench
    pieces: tuple[Piece, ...]
    reference: tuple[Teacher, ...]

    @property
    def reference_name(self) -> str:
        """What the last piece is held against, in words."""
        against = self.bench.bar.against
        if against is not None and against.recipe is not None:
            return against.recipe
        return " + ".join(f"{one.spec.id} in float" for one in self.reference)

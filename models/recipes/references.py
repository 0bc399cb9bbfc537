"""What a recipe's teacher, or the reference of its bar, is made of."""

from collections.abc import Callable

from configs.steps import ReferenceSpec
from models.recipes.bench import Teacher
from models.recipes.origin import Origins
from models.recipes.voters import voters
from models.workshop import Workshop


class References:
    """Finds what a `ReferenceSpec` names; `last` runs a recipe's steps for its last piece."""

    def __init__(
        self, workshop: Workshop, origins: Origins, last: Callable[[str], Teacher]
    ) -> None:
        self._workshop, self._origins, self._last = workshop, origins, last

    def __call__(self, reference: ReferenceSpec) -> tuple[Teacher, ...]:
        """See `models.recipes.bench.Teachers`.

        Raises:
            ModelError: it was never made and cannot be.
        """
        if reference.model is not None:
            spec = self._workshop.require(reference.model)
            return (Teacher(self._origins.model(reference.model), spec),)
        if reference.recipe is not None:
            return (self._last(reference.recipe),)
        found = voters(self._workshop, reference.pipeline or "")
        return tuple(self._origins.stored(voter) for voter in found)

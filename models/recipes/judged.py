"""What was measured of a piece, beside what it is compared with."""

from pydantic import Field

from models.card import Fact, LatencyFact, MeasuredFact, QualityFact
from models.recipes.pieces import Form


class ChangeFact(Fact):
    """How many photos of `dataset` were answered `before` and are now answered `after`."""

    dataset: str
    before: int
    after: int
    photos: int = Field(ge=1)
    right_before: int = Field(ge=0)
    right_after: int = Field(ge=0)


class Judged(Fact):
    """The measurements of one piece; `reference` are those of what it is held against."""

    name: str
    form: Form
    size_bytes: int
    quality: tuple[QualityFact, ...] = ()
    latency: tuple[LatencyFact, ...] = ()
    measured: MeasuredFact | None = None
    changes: tuple[ChangeFact, ...] = ()
    reference: "Judged | None" = None

    @property
    def latency_ms(self) -> float | None:
        """p50 of one row on one thread."""
        single = (fact for fact in self.latency if fact.batch_size == fact.threads == 1)
        return next((fact.p50_ms for fact in single), None)

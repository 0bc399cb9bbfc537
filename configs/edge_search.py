"""The Spec of a search: what an edge recipe tries beside what its steps say."""

from collections.abc import Iterator
from typing import Annotated, Literal, NamedTuple

from pydantic import Field, model_validator

from configs.spec import Spec

Width = Annotated[float, Field(gt=0, le=16)]
Share = Annotated[float, Field(ge=0, lt=1)]
Quantization = Literal["float32", "float16", "dynamic", "ptq", "qat"]


class TuningSpec(Spec):
    """How a network trains on after it was pruned, and while it rounds (`qat`)."""

    epochs: int = Field(2, ge=1)
    batch: int = Field(64, ge=1)
    lr: float = Field(1e-4, gt=0)


class Candidate(NamedTuple):
    """What one candidate of a search is made with."""

    width: float
    pruning: float
    quantization: Quantization

    @property
    def name(self) -> str:
        """What it adds to the id and the variant of its recipe."""
        width, pruning = _hundredths(self.width), _hundredths(self.pruning)
        return f"w{width}-p{pruning}-{self.quantization}"


class SearchSpec(Spec):
    """Every combination is a candidate: a recipe that is run like any other.

    `ptq` and `qat` are full INT8, without and with training that rounds.
    """

    widths: tuple[Width, ...] = Field(
        (1.0,), min_length=1, description="Times the layers of what is trained."
    )
    pruning: tuple[Share, ...] = Field(
        (0.0,), min_length=1, description="Share of channels that go; 0: none."
    )
    quantization: tuple[Quantization, ...] = Field(("ptq",), min_length=1)
    tuning: TuningSpec = TuningSpec()
    minutes: float = Field(
        15, gt=0, description="No candidate is begun later; one is always made."
    )

    def candidates(self) -> Iterator[Candidate]:
        """Every combination, once."""
        for width in dict.fromkeys(self.widths):
            for pruning in dict.fromkeys(self.pruning):
                for quantization in dict.fromkeys(self.quantization):
                    yield Candidate(width, pruning, quantization)

    @model_validator(mode="after")
    def _names_differ(self) -> "SearchSpec":
        for key, said in (("widths", self.widths), ("pruning", self.pruning)):
            named: dict[str, float] = {}
            for number in said:
                other = named.setdefault(_hundredths(number), number)
                if other != number:
                    both = f"{other:g} and {number:g}"
                    raise ValueError(f"{key} {both} are the same in whole hundredths")
        return self


def _hundredths(number: float) -> str:
    return f"{100 * number:.0f}"

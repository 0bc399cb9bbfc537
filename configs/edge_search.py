"""The Spec of a search: what an edge recipe tries beside what its steps say."""

from collections.abc import Iterator, Mapping
from typing import Annotated, Literal, NamedTuple

from pydantic import Field, model_validator

from configs.device import DeviceForm
from configs.spec import Spec

Width = Annotated[float, Field(gt=0, le=16)]
Share = Annotated[float, Field(ge=0, lt=1)]
Quantization = Literal["float32", "float16", "dynamic", "ptq", "qat"]

WAYS: Mapping[DeviceForm, tuple[Quantization, ...]] = {
    "litert": ("float32", "float16", "dynamic", "ptq", "qat"),
    "executorch": ("float32", "ptq", "qat"),
    "coreml": ("float16", "dynamic"),
    "ort": ("float32", "ptq", "qat"),
}
"""How a file of each form may be quantized; others are no candidates."""


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
    form: DeviceForm = "litert"

    @property
    def name(self) -> str:
        """What it adds to the id and the variant of its recipe."""
        width, pruning = _hundredths(self.width), _hundredths(self.pruning)
        name = f"w{width}-p{pruning}-{self.quantization}"
        return name if self.form == "litert" else f"{name}-{self.form}"


class SearchSpec(Spec):
    """Every combination that a form has is a candidate: a recipe that is run like any other.

    `ptq` and `qat` are full INT8, without and with training that rounds.
    """

    widths: tuple[Width, ...] = Field(
        (1.0,), min_length=1, description="Times the layers of what is trained."
    )
    pruning: tuple[Share, ...] = Field(
        (0.0,), min_length=1, description="Share of channels that go; 0: none."
    )
    quantization: tuple[Quantization, ...] = Field(("ptq",), min_length=1)
    forms: tuple[DeviceForm, ...] = Field(
        ("litert",), min_length=1, description="Of files, for classes that take them."
    )
    tuning: TuningSpec = TuningSpec()
    minutes: float = Field(
        15, gt=0, description="No candidate is begun later; one is always made."
    )

    def candidates(self) -> Iterator[Candidate]:
        """Every combination, once."""
        for width in dict.fromkeys(self.widths):
            for pruning in dict.fromkeys(self.pruning):
                for quantization in dict.fromkeys(self.quantization):
                    for form in self._forms(quantization):
                        yield Candidate(width, pruning, quantization, form)

    def _forms(self, quantization: Quantization) -> list[DeviceForm]:
        return [o for o in dict.fromkeys(self.forms) if quantization in WAYS[o]]

    @model_validator(mode="after")
    def _forms_are_made_so(self) -> "SearchSpec":
        for form in self.forms:
            if not set(WAYS[form]) & set(self.quantization):
                wanted, got = ", ".join(WAYS[form]), ", ".join(self.quantization)
                raise ValueError(
                    f"quantization of {form} must be of {wanted}, got {got}"
                )
        return self

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

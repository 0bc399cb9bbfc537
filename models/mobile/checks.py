"""What is known of a file for phones, as `checks.json` beside it says."""

from collections.abc import Mapping
from typing import Literal

from pydantic import Field

from configs.device import Arithmetic, DeviceForm
from models.facts import Fact


class OperatorFact(Fact):
    """One kind of operator; `delegated`: how many an accelerated library takes over."""

    operator: str
    count: int = Field(ge=1)
    delegated: int | None = None


class CostFact(Fact):
    """Of one run: multiplications, bytes of weights, and room for what is computed."""

    macs: int = Field(ge=0)
    weights_bytes: int = Field(ge=0)
    arena_bytes: int = Field(ge=0)


class EndFact(Fact):
    """An input or output; `layout` names its dimensions."""

    shape: tuple[int, ...]
    datatype: Literal["uint8", "float32"]
    layout: str


class SourceFact(Fact):
    """How the file's answers to photos compare with those of what it was made of."""

    photos: int = Field(ge=1)
    agreement: float
    largest_difference: float
    snr_db: float | None = None


class WeightsFact(Fact):
    """How the weights in the file compare with those of the source, without running it."""

    sums: int
    weights: int
    largest_share: float
    snr_db: float | None = None


class OldestFact(Fact):
    """What the oldest runtime said beside the newest; `refusal`: why it does not open it."""

    runtime: str
    refusal: str = ""
    photos: int = 0
    agreement: float | None = None
    largest_difference: float | None = None


class Checks(Fact):
    """The proof of one file.

    `runtime` is what answered here, in its version; `caveat` is what could not be checked.
    `oldest`: None: no older runtime was asked.
    `threads`: by how much answers on so many are off those on one. `specification`: of
    Core ML. `needs`: what a build of ONNX Runtime must hold.
    """

    form: DeviceForm
    runtime: str
    arithmetic: Arithmetic
    operators: tuple[OperatorFact, ...]
    cost: CostFact
    input: EndFact
    output: EndFact
    front_end: Mapping[str, object] | None
    source: SourceFact
    golden_tolerance: float
    threads: Mapping[int, float] = {}
    specification: int | None = None
    weights: WeightsFact | None = None
    needs: tuple[str, ...] = ()
    caveat: str = ""
    oldest: OldestFact | None = None

    @property
    def shown(self) -> str:
        """The oldest runtime that gave these answers here."""
        if self.oldest is None or self.oldest.refusal:
            return self.runtime
        return self.oldest.runtime

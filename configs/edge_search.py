"""The Spec of a search: what an edge recipe tries beside what its steps say."""

from typing import Annotated, Literal

from pydantic import Field

from configs.spec import Spec

Width = Annotated[float, Field(gt=0, le=16)]
Share = Annotated[float, Field(ge=0, lt=1)]
Quantization = Literal["float32", "float16", "dynamic", "ptq", "qat"]


class TuningSpec(Spec):
    """How a network trains on after it was pruned, and while it rounds (`qat`)."""

    epochs: int = Field(2, ge=1)
    batch: int = Field(64, ge=1)
    lr: float = Field(1e-4, gt=0)


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

"""How much each layer suffers from INT8: it alone is quantized, the rest stays in float.

Judged by the signal to noise ratio of the logits on calibration photos: it needs no
labels and tells layers apart on few photos, where top-1 would not.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray

from configs.model import FrontEnd
from models.evaluate import snr_db
from models.imaging import Pixels
from models.progress import Progress
from models.quantize import Calibrated, Int8Form
from models.runtime import Runner, logits_of_crops
from models.steps.onnx_layers import Unit, units

MAX_UNITS = 96
"""More layers than this are judged in groups of neighbours."""

UNHARMED_DB = 1000.0


@dataclass(frozen=True, slots=True)
class Sensitivity:
    """One unit: the lower `snr_db`, the worse for it to be INT8."""

    unit: Unit
    snr_db: float

    def fact(self) -> Mapping[str, object]:
        """For a report."""
        return {
            "layer": self.unit.title,
            "snr_db": self.snr_db,
            "nodes": list(self.unit.nodes),
        }


@dataclass(frozen=True, slots=True)
class Photos:
    """What layers are judged on."""

    crops: Pixels
    image: FrontEnd

    def some(self, most: int, seed: int) -> "Photos":
        """At most so many of them, drawn from `seed`."""
        if len(self.crops) <= most:
            return self
        drawn = np.random.default_rng(seed).choice(len(self.crops), most, replace=False)
        return Photos(self.crops[np.sort(drawn)], self.image)

    def logits(self, file: Path) -> NDArray[np.float32]:
        """What the model in `file` says to them."""
        return logits_of_crops(Runner(file), self.crops, self.image)


def sensitivities(
    found: Calibrated, form: Int8Form, photos: Photos, scratch: Path, progress: Progress
) -> Sequence[Sensitivity]:
    """Every unit of the model, the most sensitive first."""
    judged, wanted = [], photos.logits(found.file)
    parts = units(onnx.load(found.file), MAX_UNITS)
    file = scratch / "one-layer.onnx"
    for done, unit in enumerate(parts):
        progress("judge layers", done, len(parts))
        found.write(file, replace(form, only=unit.nodes, keep_float=()))
        noise = snr_db(wanted, photos.logits(file))
        judged.append(Sensitivity(unit, UNHARMED_DB if noise is None else noise))
    progress("judge layers", len(parts), len(parts))
    file.unlink(missing_ok=True)
    return sorted(judged, key=lambda one: one.snr_db)

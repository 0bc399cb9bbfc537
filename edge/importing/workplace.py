"""The environments of converters for programs of somebody else, and what is held there."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from configs.device import Arithmetic, DeviceForm, DeviceSpec
from edge.importing.program_classes import Program
from edge.importing.refusals import Refused
from models.environments import ToolEnvironment, Tooling
from models.litert.toolings import VARIABLES
from models.progress import Progress, silent

TIMEOUT_S = 900.0
NOT_INSTALLED = "not_installed"
TOLERANCES: Mapping[Arithmetic, float] = {"float32": 1e-3, "float16": 1e-2}
"""Of the range of an answer: what converting may change."""

CONFINED = {**VARIABLES, "TORCH_FORCE_WEIGHTS_ONLY_LOAD": "1"}
"""Torch falls back to pickles that run code where tensors alone do not do."""


@dataclass(frozen=True, slots=True)
class Workplace:
    """Where tools live; `installs`: what is missing is fetched, else it is not tried."""

    root: Path
    installs: bool = False
    progress: Progress = silent

    def call(self, tooling: Tooling, worker: str, request: Mapping[str, object]) -> Any:
        """What the worker answers.

        Raises:
            Refused: its environment is not there and is not to be installed.
            ToolFailed: it cannot be made, or the worker failed.
        """
        place = ToolEnvironment(tooling, self.root, self.progress)
        if not self.installs and not place.is_made:
            told = f"not tried, {tooling.name} is not installed; --convert installs it"
            raise Refused(NOT_INSTALLED, told)
        return place.call(worker, request, TIMEOUT_S, CONFINED)


@dataclass(frozen=True, slots=True)
class Order:
    """One program to be converted for some classes, in an empty folder."""

    place: Workplace
    program: Program
    devices: Mapping[str, DeviceSpec]
    scratch: Path

    def takers(self, form: DeviceForm) -> dict[str, DeviceSpec]:
        """The classes that take `form`."""
        return {n: one for n, one in self.devices.items() if form in one.forms}


def only(golden: Path, kind: str) -> np.ndarray:
    """The one array of `kind`, `input` or `output`, in an .npz of drawn inputs and answers."""
    with np.load(golden, allow_pickle=False) as found:
        (name,) = (key for key in found if key.startswith(f"{kind}:"))
        array: np.ndarray = found[name]
        return array


def hold(arithmetic: Arithmetic, wanted: np.ndarray, found: np.ndarray) -> float:
    """By how much the answer of a converted file is off the program's.

    Raises:
        Refused: by too much, or it is of another shape.
    """
    if wanted.shape != found.shape:
        told = f"it answers {list(found.shape)}, the program {list(wanted.shape)}"
        raise Refused("answers_otherwise", told)
    apart = float(np.abs(found.astype(np.float64) - wanted).max(initial=0))
    span = max(float(np.ptp(wanted)), float(np.abs(wanted).max(initial=0)))
    if not apart <= TOLERANCES[arithmetic] * span:  # also refuses NaN
        told = f"the converted file answers otherwise, by {apart:.2g}"
        raise Refused("answers_otherwise", told)
    return apart

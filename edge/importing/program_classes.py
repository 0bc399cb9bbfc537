"""A torch program over device classes, by what conversions made of it. Pure."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from configs.device import DeviceForm, DeviceSpec
from edge.importing.verdicts import NEEDED, Verdict, without_costs

NO_WAY = "nothing here makes that of a torch program; export it to ONNX and import that"


@dataclass(frozen=True, slots=True)
class Tried:
    """One conversion: a verdict for each class that takes its form, or why there is none."""

    form: DeviceForm
    verdicts: Mapping[str, Verdict] = field(default_factory=dict)
    size_bytes: int = 0
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Program:
    """A program that has run here: what was found, its inputs and answers (.npz)."""

    file: Path
    facts: Mapping[str, Any]
    golden: Path


Try = Callable[[Program, Mapping[str, DeviceSpec], Path], Sequence[Tried]]
"""Converts a program into every form that the devices take, in an empty folder."""


def classes(
    tried: Sequence[Tried], devices: Mapping[str, DeviceSpec], operators: int
) -> Mapping[str, Verdict]:
    """The best verdict for each class, by its name as JSON has it.

    Args:
        tried: what conversions came to, at most one a form.
        devices: the classes.
        operators: how many the program has; what was not converted has none that run.
    """
    by_form = {one.form: one for one in tried}
    return {
        name.replace("-", "_"): _best(by_form, name, device, operators)
        for name, device in devices.items()
    }


def converted(tried: Sequence[Tried]) -> Mapping[str, Mapping[str, object]]:
    """What was made, or why it was not, by form."""
    return {
        one.form: {"reason": one.reason}
        if one.reason
        else {"size_bytes": one.size_bytes}
        for one in tried
    }


def _best(
    tried: Mapping[DeviceForm, Tried], name: str, device: DeviceSpec, operators: int
) -> Verdict:
    """Of what is ready the form that the class names first, else the one that is nearest."""
    found = [
        {**tried[form].verdicts[name], "form": form, NEEDED: True}
        for form in device.forms
        if form in tried and name in tried[form].verdicts
    ]
    if found:
        return max(found, key=_nearness)
    none = {
        "ready": False,
        "mapped": 0,
        "total": operators,
        "reasons": list(_why_none(tried, device)),
        "warnings": [],
    }
    return without_costs({**none, "form": None, NEEDED: True})


def _nearness(verdict: Verdict) -> tuple[bool, float]:
    return verdict["ready"], verdict["mapped"] / max(verdict["total"], 1)


def _why_none(tried: Mapping[DeviceForm, Tried], device: DeviceSpec) -> Iterator[str]:
    for form in device.forms:
        why = tried[form].reason if form in tried else NO_WAY
        yield f"{NEEDED}: {form}: {why}"

"""Which files releases of ONNX Runtime open, and which operators they have on a CPU.

`onnxruntime.json` holds by release the highest version of every operator, found by asking
each release for its kernels (`get_all_opkernel_def`), and the newest format and opsets,
found by having each release open files that differ in nothing else.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

Version = tuple[int, ...]
ONNX = "ai.onnx"
"""What the domain of ONNX's own operators is called."""


@dataclass(frozen=True, slots=True)
class Limits:
    """The newest that a release opens: the format, and the opset of each domain."""

    ir_version: int
    opsets: Mapping[str, int]


@cache
def kernels(runtime: str) -> Mapping[str, int]:
    """The highest version of each operator that `runtime` (`onnxruntime-1.31`) has.

    Of the newest release asked that is not newer; empty: all that were asked are. An
    operator of another domain than ONNX's own is `domain:name`.
    """
    told, place = _told(), _place(runtime)
    if place is None:
        return {}
    highest = {name: versions[place] for name, versions in told["operators"].items()}
    return {name: version for name, version in highest.items() if version}


@cache
def limits(runtime: str) -> Limits | None:
    """What `runtime` opens at most, found as for `kernels`; None: it is not known."""
    told, place = _told(), _place(runtime)
    if place is None:
        return None
    opsets = {domain: versions[place] for domain, versions in told["opsets"].items()}
    return Limits(told["ir_version"][place], opsets)


def opset(runtime: str) -> int:
    """The newest opset of ONNX's own operators that `runtime` opens; 0: not known."""
    known = limits(runtime)
    return 0 if known is None else known.opsets[ONNX]


def _place(runtime: str) -> int | None:
    """Where the newest release asked that is not newer than `runtime` stands."""
    wanted = _numbers(runtime.rpartition("-")[2])
    known = [
        place
        for place, release in enumerate(_told()["releases"])
        if _numbers(release)[: len(wanted)] <= wanted
    ]
    return known[-1] if known else None


@cache
def _told() -> Mapping[str, Any]:
    text = Path(__file__).with_name("onnxruntime.json").read_text(encoding="utf-8")
    told: Mapping[str, Any] = json.loads(text)
    return told


def _numbers(version: str) -> Version:
    return tuple(int(part) for part in version.split("."))

"""A torch program as a file for phones: made, run once, held against classes."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from configs.device import Arithmetic, DeviceForm, DeviceSpec
from edge.importing.program_classes import Program, Tried
from edge.importing.refusals import Refused
from edge.importing.verdicts import Verdict, without_costs
from edge.importing.workplace import NOT_INSTALLED, Order, hold, only
from edge.readiness.declared import declared
from models.environments import Tooling
from models.errors import ToolFailed
from models.mobile import toolings
from models.mobile.checks import Checks, OldestFact

NO_COST = {"macs": 0, "weights_bytes": 0, "arena_bytes": 0}
RUNNING = "models.mobile.workers.running"


@dataclass(frozen=True, slots=True)
class Phone:
    """How one form is made and what answers for it here."""

    form: DeviceForm
    worker: str
    file: str
    arithmetic: Arithmetic
    runtime: str
    more: Mapping[str, object] = field(default_factory=dict)
    caveat: str = ""


def phones() -> Mapping[DeviceForm, Phone]:
    """The forms for phones that are made of torch programs."""
    executorch = Phone(
        form="executorch",
        worker="models.mobile.workers.executorch_making",
        file="model.pte",
        arithmetic="float32",
        runtime=f"executorch-{toolings.version('executorch')}",
        more={"scheme": "float32"},
    )
    coreml = Phone(
        form="coreml",
        worker="models.mobile.workers.coreml_plain",
        file="model.mlpackage",
        arithmetic="float16",
        runtime="worked out in torch, not Core ML",
        caveat="its program was worked out in torch; Core ML itself was not asked",
    )
    return {one.form: one for one in (executorch, coreml)}


def tried(phone: Phone, order: Order) -> Tried:
    """Make it, ask it for the program's answer, hold it against each class.

    Raises:
        Refused: its tools are not installed, or it answers otherwise.
        ToolFailed: a tool refuses the program.
    """
    target = order.scratch / phone.file
    said = {"program": str(order.program.file), "target": str(target), **phone.more}
    made = order.place.call(toolings.mobile(), phone.worker, said)
    apart = _asked(phone, order, toolings.mobile())
    told = {**made, "oldest": _oldest(phone, order)}
    checks, size = _checks(order.program, phone, told, apart), _size_bytes(target)
    known = order.program.facts["cost"] is not None
    verdicts = {
        name: _verdict(checks, device, size, known)
        for name, device in order.takers(phone.form).items()
    }
    return Tried(phone.form, verdicts, size)


def _asked(phone: Phone, order: Order, tools: Tooling) -> float:
    """By how much the file's answer in the environment `tools` is off the program's."""
    rows, out = order.scratch / "rows.npy", order.scratch / "answers.npy"
    np.save(rows, only(order.program.golden, "input"))
    said = {"form": phone.form, "model": str(order.scratch / phone.file)}
    order.place.call(tools, RUNNING, {**said, "rows": str(rows), "out": str(out)})
    return hold(phone.arithmetic, only(order.program.golden, "output"), np.load(out))


def _oldest(phone: Phone, order: Order) -> OldestFact | None:
    """What the oldest runtime answers; None: it is not here, or there is none."""
    if phone.form not in toolings.OLDEST:
        return None
    runtime = toolings.oldest_runtime(phone.form)
    try:
        apart = _asked(phone, order, toolings.oldest(phone.form))
    except Refused as refused:
        missing = refused.code == NOT_INSTALLED
        return None if missing else OldestFact(runtime=runtime, refusal=refused.detail)
    except ToolFailed as failed:
        return OldestFact(runtime=runtime, refusal=failed.reason)
    return OldestFact(
        runtime=runtime, photos=1, agreement=1.0, largest_difference=apart
    )


def _checks(
    program: Program, phone: Phone, made: Mapping[str, Any], apart: float
) -> Checks:
    """The proof of the file, by one drawn input."""
    facts, cost = program.facts, program.facts["cost"] or NO_COST
    (taken,), (given,) = facts["inputs"], facts["outputs"]
    said = {
        "form": phone.form,
        "runtime": phone.runtime,
        "arithmetic": phone.arithmetic,
        "operators": made["operators"],
        "cost": _halved(cost) if phone.arithmetic == "float16" else cost,
        "input": _end(taken),
        "output": _end(given),
        "front_end": None,
        "source": {"photos": 1, "agreement": 1.0, "largest_difference": apart},
        "golden_tolerance": apart,
        "specification": made.get("specification"),
        "oldest": made["oldest"],
        "caveat": phone.caveat,
    }
    return Checks.model_validate(said)


def _end(end: Mapping[str, Any]) -> Mapping[str, Any]:
    return {"shape": end["shape"], "datatype": end["datatype"], "layout": "as exported"}


def _halved(cost: Mapping[str, int]) -> Mapping[str, int]:
    """What numbers of 16 bits take, of what those of 32 take."""
    bytes_ = {name: cost[name] // 2 for name in ("weights_bytes", "arena_bytes")}
    return {**cost, **bytes_}


def _verdict(checks: Checks, device: DeviceSpec, size: int, known: bool) -> Verdict:
    said = declared(checks, device, size).as_json()
    return said if known else without_costs(said)


def _size_bytes(file: Path) -> int:
    files = [file] if file.is_file() else [f for f in file.rglob("*") if f.is_file()]
    return sum(one.stat().st_size for one in files)

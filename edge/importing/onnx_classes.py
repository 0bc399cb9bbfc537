"""An .onnx held against device classes. Pure.

A class that has ONNX Runtime runs the file; every other one needs a conversion that nothing
here makes of ONNX, so its verdict says what is known to stand against one.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from configs.device import Arithmetic, DeviceSpec, Runtime
from edge.importing.counterparts import GONE, LITERT
from edge.importing.kernels import kernels, limits, opset
from edge.importing.verdicts import NEEDED, Verdict, without_costs
from edge.readiness import edge_tpu, micro, rules
from edge.readiness.classes import costly, time_in, too_large
from edge.readiness.findings import RUNS, UNSUPPORTED, VERSION, Finding, Readiness
from models.litert.cost import Cost
from models.litert.versions import registry

NO_COST = Cost(0, 0, 0)
FOLDED = "Constant"
"""It has no kernel anywhere: it is weights."""


@dataclass(frozen=True, slots=True)
class OnnxOp:
    """One operator; `since` is the version of it that the file means.

    `is_composed`: it is defined by others, which run where it has no kernel of its own.
    """

    name: str
    since: int
    is_composed: bool = False


@dataclass(frozen=True, slots=True)
class End:
    """An input or output; None in its shape varies."""

    which: str
    datatype: str
    shape: tuple[int | None, ...]


@dataclass(frozen=True, slots=True)
class OnnxFile:
    """What is known of a file.

    `cost` None: shapes inside it vary, or it has operators whose sums are not counted,
    which `uncounted` names. `opsets`: what it imports, by domain; `ir_version` 0: not said.
    """

    ops: tuple[OnnxOp, ...]
    ends: tuple[End, ...]
    size_bytes: int
    weights: int
    cost: Cost | None = None
    arithmetic: Arithmetic = "float32"
    uncounted: tuple[str, ...] = ()
    opsets: Mapping[str, int] = field(default_factory=dict)
    ir_version: int = 0


def verdict(file: OnnxFile, device: DeviceSpec) -> Verdict:
    """What a tool reads: the keys of `Readiness.as_json`, and whether to convert first."""
    runtime = device.runtime_of("ort")
    if runtime is None:
        return _to_convert(file, device)
    held = {**_held(file, device, runtime).as_json(), NEEDED: False}
    return without_costs(held) if file.cost is None else held


def _held(file: OnnxFile, device: DeviceSpec, runtime: Runtime) -> Readiness:
    own = file.cost or NO_COST
    took = time_in(device, own, file.arithmetic)
    findings = tuple(_known(op, runtime) for op in file.ops)
    misfits = (*_ends(file, device), *too_large(device, own, file.size_bytes))
    fatal = (*_too_new(file, runtime), *misfits)
    warnings = (*costly(device, own, took), *_warnings(file))
    return Readiness(device.id, findings, fatal, own, took, warnings)


def _too_new(file: OnnxFile, runtime: Runtime) -> Iterator[str]:
    """What of the file `runtime` does not open, whatever operators there are."""
    known = limits(runtime)
    if known is None:
        return
    newest = known.ir_version
    if file.ir_version > newest:
        why = f"IR version {file.ir_version} is newer than {newest} of {runtime}"
        yield f"{why}; save it with ir_version {newest}"
    for domain, version in file.opsets.items():
        newest = known.opsets.get(domain, version)
        if version > newest:
            why = f"opset {version} of {domain} is newer than {newest} of {runtime}"
            yield f"{why}; export it for opset {newest}"


def _known(op: OnnxOp, runtime: Runtime) -> Finding:
    highest = kernels(runtime).get(op.name, 0)
    newest = opset(runtime)
    is_composed = op.is_composed and not highest and op.since <= newest
    if op.name == FOLDED or is_composed:
        return Finding(op.name, op.since, RUNS)
    if not highest:
        why, fix = f"{runtime} has none", "compute it with operators that are there"
        return Finding(op.name, op.since, UNSUPPORTED, why, fix)
    if op.since > highest:
        why = f"version {op.since} is newer than {highest} of {runtime}"
        return Finding(op.name, op.since, VERSION, why, f"export it for opset {newest}")
    return Finding(op.name, op.since, RUNS)


def _warnings(file: OnnxFile) -> Iterator[str]:
    varying = [list(end.shape) for end in file.ends if None in end.shape]
    if varying:
        yield f"shapes vary, as {varying[0]}; one was taken for what varies"
    if file.cost is None:
        names = ", ".join(file.uncounted)
        why = f"{names} not counted" if names else "shapes inside the file vary"
        yield f"what a run costs is not known: {why}"


def _ends(file: OnnxFile, device: DeviceSpec) -> Iterator[str]:
    for end in file.ends:
        taken = device.inputs if end.which == "input" else device.outputs
        if end.datatype not in taken:
            yield f"{end.which} is {end.datatype}, must be {' or '.join(taken)}"


def _to_convert(file: OnnxFile, device: DeviceSpec) -> Verdict:
    """A verdict on what runs only after a conversion: what would stand against one."""
    forms = " or ".join(device.forms)
    fatal = [f"{NEEDED}: the class takes {forms}, nothing here makes that of .onnx"]
    if device.litert is not None:
        fatal += _obstacles(file, device)
    known = _operators(device)
    missing = tuple(_missing(op) for op in file.ops if not _becomes(op, known))
    held = Readiness(device.id, missing, tuple(fatal), NO_COST, 0.0).as_json()
    counted = {"mapped": 0, "total": len(file.ops), NEEDED: True}
    return without_costs({**held, **counted})


def _obstacles(file: OnnxFile, device: DeviceSpec) -> Iterator[str]:
    yield from _ends(file, device)
    varying = [list(end.shape) for end in file.ends if None in end.shape]
    if varying and (device.accelerator != "none" or device.litert == "litert-micro"):
        yield f"shapes vary, as {varying[0]}; export fixed ones"
    if file.weights > device.storage_bytes:
        held = f"{file.weights} weights do not fit even in INT8"
        yield f"{held}, there are {device.storage_bytes} bytes"


def _becomes(op: OnnxOp, known: frozenset[str]) -> bool:
    """Whether the class has what a conversion to LiteRT makes of `op`, if it takes that."""
    theirs = LITERT.get(op.name.rpartition(":")[2])
    return not known or op.name in GONE or theirs in known


def _missing(op: OnnxOp) -> Finding:
    theirs = LITERT.get(op.name.rpartition(":")[2])
    why = f"it becomes {theirs}, which the class has not"
    why = "LiteRT has none like it" if theirs is None else why
    fix = "compute it with operators that are there"
    return Finding(op.name, op.since, UNSUPPORTED, why, fix)


def _operators(device: DeviceSpec) -> frozenset[str]:
    """Those of LiteRT that the class runs where it wants to; none: it has no LiteRT."""
    if device.litert is None:
        return frozenset()
    if device.accelerator == "edge-tpu":
        return rules.SUPPORTED & frozenset(registry(edge_tpu.COMPILER))
    if device.litert == "litert-micro":
        return micro.OPERATORS
    return frozenset(registry(device.litert))

"""A file for phones held against a device class by what its checks declare. Pure."""

from collections.abc import Iterator

from configs.device import DeviceSpec, form_of
from edge.readiness.classes import costly, time_in, too_large
from edge.readiness.findings import RUNS, Finding, Readiness
from models.litert.cost import Cost
from models.mobile.checks import Checks

NO_COST = Cost(0, 0, 0)


def declared(checks: Checks, device: DeviceSpec, size_bytes: int) -> Readiness:
    """What running a file of `size_bytes`, of which `checks` are true, comes to.

    Every operator runs: its runtime has been asked here. Those that no accelerated
    library takes over are warned of.
    """
    said = checks.cost
    own = Cost(said.macs, said.weights_bytes, said.arena_bytes)
    findings = tuple(
        Finding(one.operator, 1, RUNS)
        for one in checks.operators
        for _ in range(one.count)
    )
    fatal = (
        *_runtime(checks, device),
        *_ends(checks, device),
        *too_large(device, own, size_bytes),
    )
    took = time_in(device, own, checks.arithmetic)
    warnings = (*costly(device, own, took), *_warnings(checks))
    return Readiness(device.id, findings, fatal, own, took, warnings)


def foreign(form: str, device: DeviceSpec) -> Readiness:
    """The same for a file of a form that no device takes."""
    reason = f"{form} is no form for devices, the class takes {_taken(device)}"
    return Readiness(device.id, (), (reason,), NO_COST, 0.0)


def _runtime(checks: Checks, device: DeviceSpec) -> Iterator[str]:
    runtime = device.runtime_of(checks.form)
    if runtime is None:
        yield f"it is {checks.form}, the class takes {_taken(device)}"
        return
    oldest = _numbers(runtime)
    if form_of(runtime) == "coreml":
        if (checks.specification or 0) > oldest[0]:
            yield f"it is of specification {checks.specification}, the class reads {oldest[0]}"
    elif _numbers(checks.shown)[:2] > oldest:
        said = checks.oldest
        why = f": {said.runtime} says {said.refusal}" if said and said.refusal else ""
        yield f"it was proved with {checks.shown}, the class may have {runtime}{why}"


def _numbers(runtime: str) -> tuple[int, ...]:
    version = runtime.rpartition("-")[2].split("+")[0]
    return tuple(int(part) for part in version.split(".") if part.isdigit())


def _ends(checks: Checks, device: DeviceSpec) -> Iterator[str]:
    for which, end, taken in (
        ("input", checks.input, device.inputs),
        ("output", checks.output, device.outputs),
    ):
        if end.datatype not in taken:
            yield f"{which} is {end.datatype}, must be {' or '.join(taken)}"


def _warnings(checks: Checks) -> Iterator[str]:
    left = [
        f"{one.count - one.delegated} x {one.operator}"
        for one in checks.operators
        if one.delegated is not None and one.delegated < one.count
    ]
    if left:
        yield f"{', '.join(left)} run on plain kernels"
    if checks.caveat:
        yield checks.caveat


def _taken(device: DeviceSpec) -> str:
    return " or ".join(device.forms)

"""A graph held against a device class: operators, ends, memory, time. Pure."""

from collections.abc import Iterator

from configs.device import Arithmetic, DeviceSpec
from edge.readiness import edge_tpu, micro
from edge.readiness.findings import RUNS, UNSUPPORTED, VERSION, Finding, Readiness
from models.litert.cost import Cost, cost
from models.litert.graph import Graph, Op
from models.litert.versions import registry


def readiness(graph: Graph, device: DeviceSpec, size_bytes: int) -> Readiness:
    """What running `graph`, from a file of `size_bytes`, on `device` comes to."""
    own = cost(graph)
    findings = _findings(graph, device)
    broken = edge_tpu.fatal(graph) if device.accelerator == "edge-tpu" else ()
    misfits: tuple[str, ...] = ()
    if device.litert is not None:
        misfits = (*_ends(graph, device), *too_large(device, own, size_bytes))
    took = estimate_ms(graph, device, own)
    warnings = tuple(costly(device, own, took))
    return Readiness(device.id, findings, (*broken, *misfits), own, took, warnings)


def estimate_ms(graph: Graph, device: DeviceSpec, own: Cost) -> float:
    """Time from multiplications and from weights that do not stay in a cache."""
    wide = any(
        t.datatype == "FLOAT32" for op in graph.ops for t in graph.of(op.outputs)
    )
    return time_ms(device, own, wide)


def time_ms(device: DeviceSpec, own: Cost, wide: bool) -> float:
    """The same for a cost alone; `wide`: it computes in float."""
    return time_in(device, own, "float32" if wide else "int8")


def time_in(device: DeviceSpec, own: Cost, arithmetic: Arithmetic) -> float:
    """The same for what it computes with; where no rate is known, the lowest is taken."""
    rates = device.throughput.macs_per_s
    rate = rates.get(arithmetic, min(rates.values()))
    streamed = max(0, own.weights_bytes - (device.cache_bytes or own.weights_bytes))
    return 1000 * (own.macs / rate + streamed / device.throughput.bytes_per_s)


def _findings(graph: Graph, device: DeviceSpec) -> tuple[Finding, ...]:
    if device.accelerator == "edge-tpu":
        return edge_tpu.predicted(graph)
    if device.litert == "litert-micro":
        return micro.findings(graph)
    if device.litert is None:
        return tuple(_foreign(op, device) for op in graph.ops)
    known = registry(device.litert)
    return tuple(
        _known(op.custom or op.name, op.version, known.get(op.name, 0))
        for op in graph.ops
    )


def _foreign(op: Op, device: DeviceSpec) -> Finding:
    why, fix = (
        "the class runs no .tflite files",
        f"it takes {' or '.join(device.forms)}",
    )
    return Finding(op.custom or op.name, op.version, UNSUPPORTED, why, fix)


def _known(name: str, version: int, highest: int) -> Finding:
    if highest == 0:
        fix = "it needs an operator of the application's own"
        return Finding(name, version, UNSUPPORTED, "the runtime has none", fix)
    if version > highest:
        why = f"version {version} is newer than {highest}"
        return Finding(name, version, VERSION, why, "write it in older words")
    return Finding(name, version, RUNS)


def _ends(graph: Graph, device: DeviceSpec) -> Iterator[str]:
    for which, indexes, taken in (
        ("input", graph.inputs, device.inputs),
        ("output", graph.outputs, device.outputs),
    ):
        for tensor in graph.of(indexes):
            if tensor.datatype.lower() not in taken:
                wanted = " or ".join(taken)
                yield f"{which} is {tensor.datatype.lower()}, must be {wanted}"


def too_large(device: DeviceSpec, own: Cost, size_bytes: int) -> Iterator[str]:
    """Why there is no room for what a run needs, or for the file."""
    if own.arena_bytes > device.memory_bytes:
        held = f"a run needs {own.arena_bytes} bytes of tensors"
        yield f"{held}, there are {device.memory_bytes}"
    if size_bytes > device.storage_bytes:
        yield f"the file has {size_bytes} bytes, there are {device.storage_bytes}"


def costly(device: DeviceSpec, own: Cost, took_ms: float) -> Iterator[str]:
    """What makes a run slower than the class wants."""
    cache = device.cache_bytes
    if cache is not None and own.weights_bytes > cache:
        over = own.weights_bytes - cache
        yield f"{over} bytes of weights do not fit the cache and come anew each run"
    budget = device.latency_budget_ms
    if budget is not None and took_ms > budget:
        yield f"estimated {took_ms:.1f} ms, the budget is {budget:g} ms"

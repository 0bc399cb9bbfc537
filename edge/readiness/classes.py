"""A graph held against a device class: operators, ends, memory, time. Pure."""

from collections.abc import Iterator

from configs.device import DeviceSpec
from edge.readiness import edge_tpu, micro
from edge.readiness.findings import RUNS, UNSUPPORTED, VERSION, Finding, Readiness
from models.litert.cost import Cost, cost
from models.litert.graph import Graph
from models.litert.versions import registry


def readiness(graph: Graph, device: DeviceSpec, size_bytes: int) -> Readiness:
    """What running `graph`, from a file of `size_bytes`, on `device` comes to."""
    own = cost(graph)
    findings = _findings(graph, device)
    broken = edge_tpu.fatal(graph) if device.accelerator == "edge-tpu" else ()
    misfits = (*_ends(graph, device), *_sizes(device, own, size_bytes))
    took = estimate_ms(graph, device, own)
    warnings = tuple(_warnings(device, own, took))
    return Readiness(device.id, findings, (*broken, *misfits), own, took, warnings)


def estimate_ms(graph: Graph, device: DeviceSpec, own: Cost) -> float:
    """Time from multiplications and from weights that do not stay in a cache."""
    rates = device.throughput.macs_per_s
    wide = any(
        t.datatype == "FLOAT32" for op in graph.ops for t in graph.of(op.outputs)
    )
    rate = rates.get("float32" if wide else "int8", min(rates.values()))
    streamed = max(0, own.weights_bytes - (device.cache_bytes or own.weights_bytes))
    return 1000 * (own.macs / rate + streamed / device.throughput.bytes_per_s)


def _findings(graph: Graph, device: DeviceSpec) -> tuple[Finding, ...]:
    if device.accelerator == "edge-tpu":
        return edge_tpu.predicted(graph)
    if device.runtime == "litert-micro":
        return micro.findings(graph)
    known = registry(device.runtime)
    return tuple(
        _known(op.custom or op.name, op.version, known.get(op.name, 0))
        for op in graph.ops
    )


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


def _sizes(device: DeviceSpec, own: Cost, size_bytes: int) -> Iterator[str]:
    if own.arena_bytes > device.memory_bytes:
        held = f"a run needs {own.arena_bytes} bytes of tensors"
        yield f"{held}, there are {device.memory_bytes}"
    if size_bytes > device.storage_bytes:
        yield f"the file has {size_bytes} bytes, there are {device.storage_bytes}"


def _warnings(device: DeviceSpec, own: Cost, took_ms: float) -> Iterator[str]:
    cache = device.cache_bytes
    if cache is not None and own.weights_bytes > cache:
        over = own.weights_bytes - cache
        yield f"{over} bytes of weights do not fit the cache and come anew each run"
    budget = device.latency_budget_ms
    if budget is not None and took_ms > budget:
        yield f"estimated {took_ms:.1f} ms, the budget is {budget:g} ms"

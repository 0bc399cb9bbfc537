"""What a candidate would cost on a device class, before anything is made. Pure.

Estimates leave out what cannot run; what is tried is measured.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from configs.device import DeviceSpec
from configs.edge_search import Quantization
from edge.readiness.classes import time_ms
from models.litert.cost import Cost

if TYPE_CHECKING:  # it imports torch, which only a search needs
    from models.training.costs import NetworkCost

WEIGHT_BYTES: dict[Quantization, int] = {
    "float32": 4, "float16": 2, "dynamic": 1, "ptq": 1, "qat": 1,
}  # fmt: skip
FLOATS: tuple[Quantization, ...] = ("float32", "float16", "dynamic")
"""These compute in float."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """A candidate's cost; `wide`: it computes in float."""

    cost: Cost
    wide: bool


def estimate(network: "NetworkCost", quantization: Quantization) -> Estimate:
    """The cost of `network` with so many bits."""
    wide = quantization in FLOATS
    weights = network.parameters * WEIGHT_BYTES[quantization]
    arena = network.elements * (4 if wide else 1)
    return Estimate(Cost(network.macs, weights, arena), wide)


def in_the_way(found: Estimate, device: DeviceSpec) -> tuple[str, ...]:
    """Why such a candidate is not for `device`; nothing: it may be."""
    return tuple(_reasons(found, device))


def _reasons(found: Estimate, device: DeviceSpec) -> Iterator[str]:
    cost, budget = found.cost, device.latency_budget_ms
    if device.litert is None:
        yield "it takes no .tflite"
        return
    if found.wide and "float32" not in device.throughput.macs_per_s:
        yield "it computes in INT8 alone"
        return
    took_ms = time_ms(device, cost, found.wide)
    if budget is not None and took_ms > budget:
        yield f"about {took_ms:.3g} ms, the budget is {budget:g}"
    if cost.arena_bytes > device.memory_bytes:
        yield f"about {cost.arena_bytes} bytes of tensors of {device.memory_bytes}"
    if cost.weights_bytes > device.storage_bytes:
        yield f"about {cost.weights_bytes} bytes of weights of {device.storage_bytes}"

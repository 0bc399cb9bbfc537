"""What a candidate would cost on a device class, before anything is made. Pure.

Estimates leave out what cannot run; what is tried is measured.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from configs.device import Arithmetic, DeviceForm, DeviceSpec
from configs.edge_search import Quantization
from configs.recipe import ClassBarSpec
from edge.readiness.classes import time_in
from models.litert.cost import Cost

if TYPE_CHECKING:  # it imports torch, which only a search needs
    from models.training.costs import NetworkCost

WEIGHT_BYTES: dict[Quantization, int] = {
    "float32": 4, "float16": 2, "dynamic": 1, "ptq": 1, "qat": 1,
}  # fmt: skip
VALUE_BYTES: dict[Arithmetic, int] = {"float32": 4, "float16": 2, "int8": 1}
FILES: dict[DeviceForm, str] = {
    "litert": ".tflite", "executorch": ".pte", "coreml": ".mlpackage", "ort": ".ort",
}  # fmt: skip
FLOATS: tuple[Quantization, ...] = ("float32", "float16", "dynamic")
"""These compute in float."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """A candidate's cost; `wide`: it computes in float."""

    cost: Cost
    wide: bool
    form: DeviceForm = "litert"

    @property
    def arithmetic(self) -> Arithmetic:
        """What it computes with."""
        if self.form == "coreml":
            return "float16"
        return "float32" if self.wide else "int8"


def estimate(
    network: "NetworkCost", quantization: Quantization, form: DeviceForm = "litert"
) -> Estimate:
    """The cost of `network` with so many bits, in a file of `form`."""
    found = Estimate(Cost(0, 0, 0), quantization in FLOATS, form)
    weights = network.parameters * WEIGHT_BYTES[quantization]
    arena = network.elements * VALUE_BYTES[found.arithmetic]
    return replace(found, cost=Cost(network.macs, weights, arena))


def in_the_way(
    found: Estimate, device: DeviceSpec, bar: ClassBarSpec | None = None
) -> tuple[str, ...]:
    """Why such a candidate is not for `device`; nothing: it may be.

    `bar`: what the recipe wants for that class beyond its own bar.
    """
    reasons = tuple(_reasons(found, device))
    if reasons or bar is None:
        return reasons
    return tuple(_beyond(found, device, bar))


def _beyond(found: Estimate, device: DeviceSpec, bar: ClassBarSpec) -> Iterator[str]:
    took_ms = time_in(device, found.cost, found.arithmetic)
    if bar.max_estimate_ms is not None and took_ms > bar.max_estimate_ms:
        yield f"about {took_ms:.3g} ms, its bar is {bar.max_estimate_ms:g}"
    weights = found.cost.weights_bytes
    if bar.max_size_bytes is not None and weights > bar.max_size_bytes:
        yield f"about {weights} bytes of weights, its bar is {bar.max_size_bytes}"


def _reasons(found: Estimate, device: DeviceSpec) -> Iterator[str]:
    cost, budget = found.cost, device.latency_budget_ms
    if found.form not in device.forms:
        yield f"it takes no {FILES[found.form]}"
        return
    if found.wide and "float32" not in device.throughput.macs_per_s:
        yield "it computes in INT8 alone"
        return
    took_ms = time_in(device, cost, found.arithmetic)
    if budget is not None and took_ms > budget:
        yield f"about {took_ms:.3g} ms, the budget is {budget:g}"
    if cost.arena_bytes > device.memory_bytes:
        yield f"about {cost.arena_bytes} bytes of tensors of {device.memory_bytes}"
    if cost.weights_bytes > device.storage_bytes:
        yield f"about {cost.weights_bytes} bytes of weights of {device.storage_bytes}"

"""Networks that compute as INT8 would, with gradients; importing this imports torch.

Weights are rounded a channel, symmetric; activations a tensor, to 8 bits between the
lowest and the highest that calibration saw: where ONNX Runtime puts Q/DQ. Gradients pass
through the rounding as if it were not there.
"""

from collections.abc import Iterable
from typing import cast

import torch
from torch import nn
from torch.nn.utils import parametrize

from models.training.architectures import Classifier, Residual
from models.training.folding import folded, units

ACTIVATION_STEPS = 255


class FakeWeight(nn.Module):
    """Weights at the nearest of `2 * levels + 1` steps of their channel, or of all."""

    def __init__(self, levels: int, in_one: bool = False) -> None:
        super().__init__()
        self.levels, self.in_one = levels, in_one

    def forward(self, weight: torch.Tensor) -> torch.Tensor:
        """`weight`, rounded."""
        largest = weight.detach().flatten(1).abs().amax(1)
        if self.in_one:
            largest = largest.amax().expand_as(largest)
        scale = (largest / self.levels).clamp_min(1e-8)
        zero = torch.zeros_like(scale, dtype=torch.int32)
        return torch.fake_quantize_per_channel_affine(
            weight, scale, zero, 0, -self.levels, self.levels
        )


class FakeRange(nn.Module):
    """Activations at the nearest of 256 steps; while it observes, as they are."""

    low: torch.Tensor
    high: torch.Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("low", torch.zeros(()))
        self.register_buffer("high", torch.zeros(()))
        self.observes = True

    def forward(self, values: torch.Tensor) -> torch.Tensor:
        """`values`, rounded."""
        if self.observes:
            self.low = torch.minimum(self.low, values.detach().amin())
            self.high = torch.maximum(self.high, values.detach().amax())
            return values
        scale = float((self.high - self.low).clamp_min(1e-8)) / ACTIVATION_STEPS
        zero = max(0, min(ACTIVATION_STEPS, round(float(-self.low) / scale)))
        return torch.fake_quantize_per_tensor_affine(
            values, scale, zero, 0, ACTIVATION_STEPS
        )


class Quantized(nn.Module):
    """A folded classifier between fake rounding of its input and of its features."""

    def __init__(self, network: Classifier) -> None:
        super().__init__()
        self.entry, self.network, self.pooled = FakeRange(), network, FakeRange()

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """The logits of `images`."""
        features = self.network.features(self.entry(images))
        pooled = self.pooled(features.mean((2, 3)))
        return cast("torch.Tensor", self.network.head(pooled))


def quantized(
    network: Classifier,
    levels: int,
    batches: Iterable[torch.Tensor],
    head_in_one: bool = False,
) -> Quantized:
    """A twin of `network` that rounds, its ranges found on `batches`: the PTQ start.

    `head_in_one`: its last weights share one scale.
    """
    twin = folded(network)
    for layer in units(twin):
        parametrize.register_parametrization(layer[0], "weight", FakeWeight(levels))
        layer.append(FakeRange())
    head = FakeWeight(levels, head_in_one)
    parametrize.register_parametrization(twin.head, "weight", head)
    for module in twin.modules():
        if isinstance(module, Residual):
            module.act = nn.Sequential(module.act, FakeRange())
    rounding = Quantized(twin)
    with torch.no_grad():
        for batch in batches:
            rounding(batch)
    for module in rounding.modules():
        if isinstance(module, FakeRange):
            module.observes = False
    return rounding


def settled(rounding: Quantized) -> Classifier:
    """The float network whose weights lie on the steps that were trained for."""
    network = rounding.network
    for module in list(network.modules()):
        if parametrize.is_parametrized(module, "weight"):
            parametrize.remove_parametrizations(module, "weight")
    for layer in units(network):
        if isinstance(layer[-1], FakeRange):
            del layer[-1]
    for module in network.modules():
        if isinstance(module, Residual) and isinstance(module.act, nn.Sequential):
            module.act = module.act[0]
    return network.eval()

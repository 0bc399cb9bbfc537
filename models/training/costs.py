"""What a network would cost, before it is trained; importing this imports torch."""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import nn

from models.training.architectures import full_options, make


@dataclass(frozen=True, slots=True)
class NetworkCost:
    """Multiplications of one row, parameters, and elements of the tensors at work at once.

    `elements`: a layer's input and output together, where that is most; a real plan of
    memory may need more where a way leads around.
    """

    macs: int
    parameters: int
    elements: int


def network_cost(
    name: str, options: Mapping[str, object], shape: tuple[int, ...]
) -> NetworkCost:
    """The cost of an architecture for one row of `shape`, normalisations folded.

    Raises:
        ValueError: there is no such architecture or option.
    """
    network = make(name, full_options(name, options), 0).eval()
    counted: list[tuple[int, int, int]] = []

    def count(layer: nn.Module, given: tuple[torch.Tensor], out: torch.Tensor) -> None:
        counted.append(_layer(layer, given[0], out))

    layers = [m for m in network.modules() if isinstance(m, nn.Conv2d | nn.Linear)]
    held = [layer.register_forward_hook(count) for layer in layers]
    with torch.no_grad():
        network(torch.zeros(1, *shape))
    for one in held:
        one.remove()
    macs, parameters, elements = zip(*counted, strict=True)
    return NetworkCost(sum(macs), sum(parameters), max(elements))


def _layer(
    layer: nn.Module, given: torch.Tensor, out: torch.Tensor
) -> tuple[int, int, int]:
    """Its multiplications, its weights with a bias, the elements of both its ends."""
    weight = layer.weight
    if not isinstance(weight, torch.Tensor):
        raise TypeError(f"{type(layer).__name__} has no weights")
    places = out.numel() // weight.shape[0]
    return (
        places * weight.numel(),
        weight.numel() + weight.shape[0],
        given.numel() + out.numel(),
    )

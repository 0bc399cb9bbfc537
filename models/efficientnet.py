"""EfficientNet-Lite as a torch module made for export; importing this imports torch.

The published port pads in modules of its own, where ONNX would keep Pad nodes between
quantized convolutions; here the padding is the convolution's. The sums are the same.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import cast

import torch
from efficientnet_lite_pytorch import EfficientNet
from efficientnet_lite_pytorch.utils import Conv2dStaticSamePadding
from torch import nn


class LiteClassifier(nn.Module):
    """Images FP32 [n, 3, s, s] in, logits FP32 [n, 1000] out."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """The logits of `images`."""
        features = self.network.extract_features(images)  # type: ignore[operator]
        pooled = nn.functional.adaptive_avg_pool2d(features, 1).flatten(1)
        return cast("torch.Tensor", self.network._fc(pooled))  # type: ignore[operator]


def load(name: str, weights: Path) -> nn.Module:
    """`name` (`efficientnet-lite0`, …) with its published weights, ready to run.

    Raises:
        RuntimeError: the weights are of another network.
        pickle.UnpicklingError: the file holds more than tensors.
    """
    return from_state(name, torch.load(weights, map_location="cpu", weights_only=True))


def from_state(name: str, state: Mapping[str, torch.Tensor]) -> nn.Module:
    """The same from the tensors themselves.

    Raises:
        RuntimeError: they are of another network.
    """
    network = EfficientNet.from_name(name)
    network.load_state_dict(state)
    _fold_padding(network)
    return LiteClassifier(network).eval()


def _fold_padding(parent: nn.Module) -> None:
    for name, child in list(parent.named_children()):
        if isinstance(child, Conv2dStaticSamePadding):
            setattr(parent, name, _plain_convolution(child))
        else:
            _fold_padding(child)


def _plain_convolution(padded: nn.Conv2d) -> nn.Module:
    left, right, top, bottom = getattr(
        padded.static_padding, "padding", (0, 0, 0, 0)
    )  # fmt: skip
    plain = nn.Conv2d(
        padded.in_channels,
        padded.out_channels,
        cast("tuple[int, int]", padded.kernel_size),
        stride=cast("tuple[int, int]", tuple(padded.stride)),
        groups=padded.groups,
        bias=padded.bias is not None,
    )
    plain.weight, plain.bias = padded.weight, padded.bias
    if left == right and top == bottom:
        plain.padding = (top, left)
        return plain
    return nn.Sequential(nn.ZeroPad2d((left, right, top, bottom)), plain)

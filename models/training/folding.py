"""Batch normalisation folded into convolutions; importing this imports torch.

A folded network computes the same, with a bias in each convolution and nothing behind it
but the activation: what an exported graph holds and what INT8 arithmetic sees.
"""

import copy
from typing import cast

import torch
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from models.training.architectures import Classifier


def folded(network: Classifier) -> Classifier:
    """A copy of `network`, as it runs when served, without normalisations."""
    twin = copy.deepcopy(network).eval()
    for layer in units(twin):
        conv, norm = cast("nn.Conv2d", layer[0]), layer[1]
        if isinstance(norm, nn.BatchNorm2d):
            layer[0], layer[1] = fuse_conv_bn_eval(conv, norm), nn.Identity()
    return twin


def unfolded(network: Classifier) -> Classifier:
    """A copy of a folded `network` with normalisations that only add its biases.

    So it has the layers of a fresh one, and can be kept as a torch piece.
    """
    twin = copy.deepcopy(network).eval()
    for layer in units(twin):
        conv = cast("nn.Conv2d", layer[0])
        if conv.bias is None:
            continue
        norm = nn.BatchNorm2d(conv.out_channels).eval()
        with torch.no_grad():
            norm.running_var.fill_(1 - norm.eps)  # type: ignore[union-attr]
            norm.bias.copy_(conv.bias)
        conv.bias, layer[1] = None, norm
    return twin


def units(network: nn.Module) -> list[nn.Sequential]:
    """Every convolution with what follows it, in order."""
    return [
        module
        for module in network.modules()
        if isinstance(module, nn.Sequential)
        and len(module) > 1
        and isinstance(module[0], nn.Conv2d)
    ]

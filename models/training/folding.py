"""Batch normalisation folded into convolutions; importing this imports torch.

A folded network computes the same, with a bias in each convolution and nothing behind it
but the activation: what an exported graph holds and what INT8 arithmetic sees.
"""

import copy
from typing import cast

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


def units(network: nn.Module) -> list[nn.Sequential]:
    """Every convolution with what follows it, in order."""
    return [
        module
        for module in network.modules()
        if isinstance(module, nn.Sequential)
        and len(module) > 1
        and isinstance(module[0], nn.Conv2d)
    ]

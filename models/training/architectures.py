"""The networks that a recipe may train, by name; importing this imports torch.

Made for INT8: every convolution is followed by batch normalisation, which folds into it,
and every activation is a ReLU6 of its own, which bounds its range. What a network's
options say can be read back from its layers (`options_of`), so that a pruned network is
as easy to save as a fresh one.
"""

from collections.abc import Callable, Mapping
from typing import cast

import torch
from torch import nn

Options = Mapping[str, object]


class Classifier(nn.Module):
    """Images FP32 [n, channels, h, w] in, logits FP32 [n, classes] out."""

    def __init__(self, body: nn.Sequential, width: int, classes: int) -> None:
        super().__init__()
        self.body = body
        self.head = nn.Linear(width, classes)

    def features(self, images: torch.Tensor) -> torch.Tensor:
        """What the last convolution sees, [n, width, h, w]."""
        return cast("torch.Tensor", self.body(images))

    def classify(self, features: torch.Tensor) -> torch.Tensor:
        """The logits of `features`."""
        return cast("torch.Tensor", self.head(features.mean((2, 3))))

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """The logits of `images`."""
        return self.classify(self.features(images))


class Residual(nn.Module):
    """Two convolutions beside a way around them."""

    def __init__(self, width: int, hidden: int) -> None:
        super().__init__()
        self.first = unit(width, hidden, 3)
        self.second = unit(hidden, width, 3, acts=False)
        self.act: nn.Module = nn.ReLU6()

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Of the same shape as `images`."""
        return cast("torch.Tensor", self.act(images + self.second(self.first(images))))


def unit(
    inputs: int, outputs: int, size: int, stride: int = 1, *, acts: bool = True
) -> nn.Sequential:
    """Convolution, normalisation and, if it `acts`, ReLU6."""
    padding = size // 2
    conv = nn.Conv2d(inputs, outputs, size, stride, padding, bias=False)
    layers: list[nn.Module] = [conv, nn.BatchNorm2d(outputs)]
    return nn.Sequential(*layers, *([nn.ReLU6()] if acts else []))


def depthwise(width: int, stride: int) -> nn.Sequential:
    """A 3x3 convolution of each channel for itself."""
    conv = nn.Conv2d(width, width, 3, stride, 1, groups=width, bias=False)
    return nn.Sequential(conv, nn.BatchNorm2d(width), nn.ReLU6())


def residual(options: Options) -> Classifier:
    """A stem, then for each of `stages` (`width:hidden:stride`) a unit and a Residual."""
    width = _whole(options, "stem")
    layers: list[nn.Module] = [
        unit(_whole(options, "channels"), width, 3, _whole(options, "stem_stride"))
    ]
    for outputs, hidden, stride in _table(options, "stages", 3):
        layers += [unit(width, outputs, 3, stride), Residual(outputs, hidden)]
        width = outputs
    return Classifier(nn.Sequential(*layers), width, _whole(options, "classes"))


def separable(options: Options) -> Classifier:
    """A stem, then for each of `blocks` (`width:stride`) a depthwise and a 1x1 unit."""
    width = _whole(options, "stem")
    layers: list[nn.Module] = [
        unit(_whole(options, "channels"), width, 3, _whole(options, "stem_stride"))
    ]
    for outputs, stride in _table(options, "blocks", 2):
        layers += [depthwise(width, stride), unit(width, outputs, 1)]
        width = outputs
    return Classifier(nn.Sequential(*layers), width, _whole(options, "classes"))


_SMALL_IMAGES: Options = {"channels": 3, "classes": 10, "stem_stride": 2}
ARCHITECTURES: Mapping[str, tuple[Callable[[Options], Classifier], Options]] = {
    "residual": (
        residual,
        {**_SMALL_IMAGES, "stem": 32, "stages": "48:48:1,96:96:2"},
    ),
    "separable": (
        separable,
        {**_SMALL_IMAGES, "stem": 16, "blocks": "32:1,64:2,64:1,96:1"},
    ),
}
"""Name → what makes it, and its options with their defaults."""


def make(name: str, options: Options, seed: int) -> Classifier:
    """The network `name` with fresh weights drawn from `seed`.

    Raises:
        ValueError: there is no such network or option, or a value makes no sense.
    """
    if name not in ARCHITECTURES:
        raise ValueError(
            f"architecture must be of {sorted(ARCHITECTURES)}, got {name!r}"
        )
    made, defaults = ARCHITECTURES[name]
    unknown = sorted(set(options) - set(defaults))
    if unknown:
        raise ValueError(f"{name} takes the options {sorted(defaults)}, got {unknown}")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = made({**defaults, **options})
    laid_out = network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return cast("Classifier", laid_out)


def full_options(name: str, options: Options) -> dict[str, object]:
    """`options` and the defaults of what they leave out."""
    return {**ARCHITECTURES[name][1], **options}


def options_of(name: str, network: Classifier, options: Options) -> dict[str, object]:
    """`options` with the widths that `network` has by now."""
    layers = list(network.body)
    rows = []
    for first, second in zip(layers[1::2], layers[2::2], strict=True):
        stride = _conv(first).stride[0]
        widths = [_conv(second).out_channels]
        if isinstance(second, Residual):
            widths = [_conv(first).out_channels, _conv(second.first).out_channels]
        rows.append(":".join(str(number) for number in (*widths, stride)))
    table = "stages" if name == "residual" else "blocks"
    return {**options, "stem": _conv(layers[0]).out_channels, table: ",".join(rows)}


def _conv(layer: nn.Module) -> nn.Conv2d:
    first = layer.first if isinstance(layer, Residual) else layer
    return cast("nn.Conv2d", cast("nn.Sequential", first)[0])


def _whole(options: Options, key: str) -> int:
    value = options[key]
    if not isinstance(value, int) or value < 1:
        raise ValueError(f"{key} must be a whole number from 1, got {value!r}")
    return value


def _table(options: Options, key: str, columns: int) -> list[tuple[int, ...]]:
    """Rows by comma, columns by colon: `48:48:1,96:96:2`."""
    said = str(options[key])
    try:
        rows = [tuple(int(word) for word in row.split(":")) for row in said.split(",")]
    except ValueError:
        rows = []
    sound = all(len(row) == columns and min(row) >= 1 for row in rows)
    if not rows or not sound:
        raise ValueError(
            f"{key} must be rows of {columns} whole numbers like 48:1, got {said!r}"
        )
    return rows

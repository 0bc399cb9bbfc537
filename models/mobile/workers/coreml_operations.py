"""What the operations of a Core ML program compute, in torch, as Apple documents them."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from torch.nn import functional

Values = Mapping[str, Any]


def _conv(given: Values) -> Any:
    images, bias = given["x"], given.get("bias")
    kind = str(given.get("pad_type", "custom"))
    if kind not in ("custom", "valid"):
        raise ValueError(f"nothing here works out a padding of type {kind}")
    if kind == "custom":
        top, bottom, left, right = (int(one) for one in given["pad"])
        images = functional.pad(images, (left, right, top, bottom))
    return functional.conv2d(
        images,
        given["weight"],
        bias,
        tuple(int(one) for one in given["strides"]),
        0,
        tuple(int(one) for one in given["dilations"]),
        int(given["groups"]),
    )


def _mean(given: Values) -> Any:
    axes = tuple(int(one) for one in given["axes"])
    return given["x"].mean(axes, keepdim=bool(given["keep_dims"]))


def _pad(given: Values) -> Any:
    if str(given["mode"]) != "constant":
        raise ValueError(f"nothing here works out a padding of {given['mode']}")
    pairs = np.asarray(given["pad"]).reshape(-1, 2)[::-1]
    widths = [int(one) for pair in pairs for one in pair]
    return functional.pad(given["x"], widths, value=float(given["constant_val"]))


def _reshape(given: Values) -> Any:
    return given["x"].reshape([int(one) for one in given["shape"]])


def _clip(given: Values) -> Any:
    return given["x"].clamp(float(given["alpha"]), float(given["beta"]))


def _linear(given: Values) -> Any:
    return functional.linear(given["x"], given["weight"], given.get("bias"))


def _same(given: Values) -> Any:
    return given["x"].float()


OPERATIONS: Mapping[str, Callable[[Values], Any]] = {
    "add": lambda given: given["x"] + given["y"],
    "cast": _same,
    "clip": _clip,
    "conv": _conv,
    "identity": _same,
    "linear": _linear,
    "mul": lambda given: given["x"] * given["y"],
    "pad": _pad,
    "reduce_mean": _mean,
    "relu": lambda given: given["x"].relu(),
    "relu6": lambda given: given["x"].clamp(0, 6),
    "reshape": _reshape,
    "sub": lambda given: given["x"] - given["y"],
    "constexpr_affine_dequantize": _same,
    "constexpr_blockwise_shift_scale": _same,
}
"""What each operation does with its inputs by name; those of weights are read as values."""

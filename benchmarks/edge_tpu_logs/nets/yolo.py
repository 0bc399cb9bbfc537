"""YOLO v3 tiny and v5, with the heads that their exports to TensorFlow have."""

from collections.abc import Callable
from typing import Any

ANCHORS = 3
"""Boxes of each place."""


def tiny_v3(keras: Any, leaky: bool, side: int = 416, outputs: int = 255) -> Any:
    """YOLO v3 tiny; `outputs`: channels of a head."""
    layers = keras.layers
    image = keras.Input((side, side, 3), batch_size=1)

    def convolved(y: Any, channels: int, kernel: int = 3, gain: float = 1.0) -> Any:
        y = layers.Conv2D(channels, kernel, padding="same", use_bias=False)(y)
        gamma = keras.initializers.Constant(gain)
        y = layers.BatchNormalization(gamma_initializer=gamma)(y)
        return layers.LeakyReLU(alpha=0.1)(y) if leaky else layers.ReLU()(y)

    y = image
    for channels in (16, 32, 64, 128):
        y = layers.MaxPooling2D(2, 2, "same")(convolved(y, channels))
    early = convolved(y, 256)
    y = convolved(layers.MaxPooling2D(2, 2, "same")(early), 512)
    y = convolved(layers.MaxPooling2D(2, 1, "same")(y), 1024)
    y = convolved(y, 256, 1)
    coarse = layers.Conv2D(outputs, 1)(convolved(y, 512))
    # The wider range, so that only what comes early is quantized anew, as published.
    y = layers.UpSampling2D(2)(convolved(y, 128, 1, gain=8.0))
    y = convolved(layers.Concatenate()([y, early]), 256)
    return keras.Model(image, [coarse, layers.Conv2D(outputs, 1)(y)])


def v5(keras: Any, side: int, width: float, whole: bool, classes: int = 80) -> Any:
    """YOLO v5, as its export to TensorFlow lays it out.

    `width`: 0.25 is n, 0.5 is s. `whole`: one sigmoid over a head, as before release 7.
    """
    image = keras.Input((side, side, 3), batch_size=1)

    def wide(channels: int) -> int:
        return int(channels * width)

    y = _convolved(keras, image, wide(64), 6, 2)
    levels = []
    for channels, depth in ((128, 1), (256, 2), (512, 3), (1024, 1)):
        y = _convolved(keras, y, wide(channels), 3, 2)
        y = _stage(keras, y, wide(channels), depth, True)
        levels.append(y)
    y = _pyramid(keras, y, wide(1024))
    found = _neck(keras, levels[1:3], y, wide)
    each = [_boxes(keras, level, side, classes, whole) for level in found]
    return keras.Model(image, keras.layers.Concatenate(axis=1)(each))


def _convolved(
    keras: Any, y: Any, channels: int, kernel: int = 1, stride: int = 1
) -> Any:
    """Convolution, normalisation, SiLU; a stride pads by itself, as PyTorch does."""
    layers = keras.layers
    if stride > 1:
        y = layers.ZeroPadding2D(2 if kernel > 3 else 1)(y)
    way = "valid" if stride > 1 else "same"
    y = layers.Conv2D(channels, kernel, stride, way, use_bias=False)(y)
    y = layers.BatchNormalization()(y)
    return layers.Multiply()([y, layers.Activation("sigmoid")(y)])


def _stage(keras: Any, y: Any, channels: int, depth: int, adds: bool) -> Any:
    """The block C3."""
    layers = keras.layers
    main = _convolved(keras, y, channels // 2)
    for _ in range(depth):
        inner = _convolved(
            keras, _convolved(keras, main, channels // 2), channels // 2, 3
        )
        main = layers.Add()([main, inner]) if adds else inner
    beside = _convolved(keras, y, channels // 2)
    return _convolved(keras, layers.Concatenate()([main, beside]), channels)


def _pyramid(keras: Any, y: Any, channels: int) -> Any:
    """The block SPPF."""
    layers = keras.layers
    y = _convolved(keras, y, channels // 2)
    pools = [y]
    for _ in range(3):
        pools.append(layers.MaxPooling2D(5, 1, "same")(pools[-1]))
    return _convolved(keras, layers.Concatenate()(pools), channels)


def _neck(
    keras: Any, sides: list[Any], y: Any, wide: Callable[[int], int]
) -> list[Any]:
    layers, held = keras.layers, []
    for channels, side in ((512, sides[1]), (256, sides[0])):
        y = _convolved(keras, y, wide(channels))
        held.append(y)
        y = layers.Concatenate()([layers.UpSampling2D(2)(y), side])
        y = _stage(keras, y, wide(channels), 1, False)
    found = [y]
    for channels, before in ((256, held[1]), (512, held[0])):
        y = _convolved(keras, y, wide(channels), 3, 2)
        y = layers.Concatenate()([y, before])
        y = _stage(keras, y, wide(channels * 2), 1, False)
        found.append(y)
    return found


def _boxes(keras: Any, y: Any, side: int, classes: int, whole: bool) -> Any:
    """A head and its decoding: boxes in shares of the photo, then what is in them."""
    stride = side // y.shape[1]
    import numpy as np
    import tensorflow as tf

    cells, told = y.shape[1] * y.shape[2], classes + 5
    y = tf.reshape(keras.layers.Conv2D(ANCHORS * told, 1)(y), [1, cells, ANCHORS, told])
    places = np.indices((y.shape[1],)).reshape(1, cells, 1, 1) - 0.5
    grid = np.tile(places, (1, 1, ANCHORS, 2)).astype(np.float32)
    anchors = np.full((1, cells, ANCHORS, 2), 16, np.float32)
    size = np.full((1, 2), side, np.float32)
    if whole:
        y = tf.sigmoid(y)
    part = (lambda one: one) if whole else tf.sigmoid
    middle = (part(y[..., 0:2]) * 2 + grid) * stride / size
    extent = part(y[..., 2:4]) ** 2 * anchors / size
    y = tf.concat([middle, extent, part(y[..., 4:])], -1)
    return tf.reshape(y, [1, ANCHORS * cells, told])

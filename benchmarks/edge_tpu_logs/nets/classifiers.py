"""Classifiers of photos: those that Keras has, and one after Google's published blocks."""

import math
from typing import Any


def mobilenet_v2(keras: Any, side: int = 224, classes: int = 1000) -> Any:
    """As Keras has it."""
    image = keras.Input((side, side, 3), batch_size=1)
    return keras.applications.MobileNetV2(
        input_tensor=image, weights=None, classes=classes
    )


def mobilenet_v2_retrained(keras: Any, classes: int = 5) -> Any:
    """The head of Coral's tutorial *Retrain MobileNet V2* on Keras's network."""
    layers = keras.layers
    image = keras.Input((224, 224, 3), batch_size=1)
    base = keras.applications.MobileNetV2(
        input_tensor=image, weights=None, include_top=False
    )
    y = layers.Conv2D(32, 3, activation="relu")(base.output)
    y = layers.GlobalAveragePooling2D()(y)
    return keras.Model(base.input, layers.Dense(classes, activation="softmax")(y))


def efficientnet_v2_s(keras: Any, side: int = 224, classes: int = 2) -> Any:
    """As Keras has it, its scaling of pixels included."""
    image = keras.Input((side, side, 3), batch_size=1)
    return keras.applications.EfficientNetV2S(
        input_tensor=image, weights=None, classes=classes
    )


_EDGETPU_M = (
    # blocks, kernel, stride, expansion, channels, fused, skip
    (1, 3, 1, 4, 24, True, False),
    (2, 3, 2, 8, 32, True, True),
    (4, 3, 2, 8, 48, True, True),
    (5, 5, 2, 8, 96, False, True),
    (4, 5, 1, 8, 144, False, True),
    (2, 5, 2, 8, 192, False, True),
)
"""efficientnet_edgetpu_builder.py of tensorflow/tpu."""
DEPTH = 1.1
"""What makes size M of it, with photos of 240."""


def efficientnet_edgetpu_m(keras: Any, classes: int = 1001) -> Any:
    """EfficientNet-EdgeTPU of size M."""
    layers = keras.layers
    image = keras.Input((240, 240, 3), batch_size=1)
    y = _normed(keras, layers.Conv2D(32, 3, 2, "same", use_bias=False)(image))
    for blocks, kernel, stride, expansion, channels, fused, skip in _EDGETPU_M:
        for number in range(math.ceil(blocks * DEPTH)):
            step = stride if number == 0 else 1
            told = (kernel, step, expansion, channels)
            before = y
            y = _block(keras, y, told, fused)
            if skip and step == 1 and before.shape[-1] == channels:
                y = layers.Add()([before, y])
    y = _normed(keras, layers.Conv2D(1280, 1, use_bias=False)(y))
    y = layers.GlobalAveragePooling2D()(y)
    return keras.Model(image, layers.Dense(classes, activation="softmax")(y))


def _block(keras: Any, y: Any, told: tuple[int, int, int, int], fused: bool) -> Any:
    layers = keras.layers
    kernel, stride, expansion, channels = told
    wide = y.shape[-1] * expansion
    if fused:
        y = layers.Conv2D(wide, kernel, stride, "same", use_bias=False)(y)
        y = _normed(keras, y)
    else:
        y = _normed(keras, layers.Conv2D(wide, 1, use_bias=False)(y))
        deep = layers.DepthwiseConv2D(kernel, stride, "same", use_bias=False)
        y = _normed(keras, deep(y))
    y = layers.Conv2D(channels, 1, use_bias=False)(y)
    return layers.BatchNormalization()(y)


def _normed(keras: Any, y: Any) -> Any:
    return keras.layers.ReLU()(keras.layers.BatchNormalization()(y))

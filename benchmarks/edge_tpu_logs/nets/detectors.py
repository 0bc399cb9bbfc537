"""EfficientDet-Lite, its postprocessing included."""

import math
from dataclasses import dataclass
from typing import Any

STAGES = (
    # blocks, kernel, stride, expansion, channels
    (1, 3, 1, 1, 16),
    (2, 3, 2, 6, 24),
    (2, 5, 2, 6, 40),
    (3, 3, 2, 6, 80),
    (3, 5, 1, 6, 112),
    (4, 5, 2, 6, 192),
    (1, 3, 1, 6, 320),
)
"""EfficientNet-Lite0, in Google's words; the ends of stages 3, 5 and 7 go on."""
TAKEN = (2, 4, 6)
ANCHORS = 9


@dataclass(frozen=True)
class Size:
    """One of the family, after google/automl `hparams_config.py`."""

    side: int
    width: float
    depth: float
    filters: int
    cells: int
    repeats: int


SIZES = {
    "lite0": Size(320, 1.0, 1.0, 64, 3, 3),
    "lite4": Size(640, 1.4, 1.8, 224, 7, 4),
}


def efficientdet(keras: Any, size: str, classes: int) -> Any:
    """EfficientDet-Lite of a size, as TensorFlow Lite Model Maker exports it."""
    layers, own = keras.layers, SIZES[size]
    image = keras.Input((own.side, own.side, 3), batch_size=1)
    found = _backbone(keras, image, own)
    sixth = layers.MaxPooling2D(3, 2, "same")(_fitted(keras, found[-1], own.filters))
    levels = [*found, sixth, layers.MaxPooling2D(3, 2, "same")(sixth)]
    for _ in range(own.cells):
        levels = _fused(keras, levels, own.filters)
    what, where = (_head(keras, levels, told, own) for told in (classes, 4))
    scores = layers.Activation("sigmoid")(layers.Concatenate(axis=1)(what))
    boxes = layers.Concatenate(axis=1)(where)
    return keras.Model(image, _postprocessing(keras, classes)([boxes, scores]))


def _backbone(keras: Any, image: Any, own: Size) -> list[Any]:
    layers, found = keras.layers, []
    y = _normed(keras, layers.Conv2D(32, 3, 2, "same", use_bias=False)(image))
    for stage, (blocks, kernel, stride, expansion, channels) in enumerate(STAGES):
        ends = stage in (0, len(STAGES) - 1)  # these are not made deeper
        for number in range(blocks if ends else math.ceil(blocks * own.depth)):
            told = (kernel, 1 if number else stride, expansion, _eights(channels, own))
            before, y = y, _inverted(keras, y, told)
            if number:
                y = layers.Add()([before, y])
        if stage in TAKEN:
            found.append(y)
    return found


def _eights(channels: int, own: Size) -> int:
    """The nearest multiple of eight, less than a tenth below."""
    wanted = channels * own.width
    found = max(8, int(wanted + 4) // 8 * 8)
    return found + 8 if found < 0.9 * wanted else found


def _inverted(keras: Any, y: Any, told: tuple[int, int, int, int]) -> Any:
    layers = keras.layers
    kernel, stride, expansion, channels = told
    if expansion > 1:
        wide = layers.Conv2D(y.shape[-1] * expansion, 1, use_bias=False)
        y = _normed(keras, wide(y))
    deep = layers.DepthwiseConv2D(kernel, stride, "same", use_bias=False)
    y = layers.Conv2D(channels, 1, use_bias=False)(_normed(keras, deep(y)))
    return layers.BatchNormalization()(y)


def _fitted(keras: Any, y: Any, filters: int) -> Any:
    """As many channels as the pyramid has."""
    if y.shape[-1] == filters:
        return y
    return keras.layers.BatchNormalization()(keras.layers.Conv2D(filters, 1)(y))


def _fused(keras: Any, levels: list[Any], filters: int) -> list[Any]:
    """One cell of BiFPN: down the pyramid, and up again."""
    import tensorflow as tf

    layers = keras.layers
    down = [levels[-1]]
    for level in reversed(levels[:-1]):
        larger = tf.image.resize(down[-1], level.shape[1:3], "nearest")
        down.append(_node(keras, [_fitted(keras, level, filters), larger]))
    down.reverse()
    up = [down[0]]
    for number in range(1, len(levels)):
        smaller = layers.MaxPooling2D(3, 2, "same")(up[-1])
        given = [_fitted(keras, levels[number], filters)]
        if number < len(levels) - 1:
            given.append(down[number])
        up.append(_node(keras, [*given, smaller]))
    return up


def _node(keras: Any, given: list[Any]) -> Any:
    layers = keras.layers
    y = given[0]
    for other in given[1:]:
        y = layers.Add()([y, other])
    y = layers.ReLU(6.0)(y)
    y = layers.SeparableConv2D(y.shape[-1], 3, padding="same")(y)
    return layers.BatchNormalization()(y)


def _head(keras: Any, levels: list[Any], told: int, own: Size) -> list[Any]:
    """Boxes or classes of each level, one row for each anchor."""
    layers, rows = keras.layers, []
    for level in levels:
        y = level
        for _ in range(own.repeats):
            y = layers.SeparableConv2D(own.filters, 3, padding="same")(y)
            y = _normed(keras, y)
        y = layers.SeparableConv2D(told * ANCHORS, 3, padding="same")(y)
        rows.append(layers.Reshape((-1, told))(y))
    return rows


def _postprocessing(keras: Any, classes: int) -> Any:
    """What becomes the custom operator TFLite_Detection_PostProcess."""
    import tensorflow as tf

    said = (
        'name: "TFLite_Detection_PostProcess" '
        'attr { key: "max_detections" value { i: 25 } } '
        'attr { key: "max_classes_per_detection" value { i: 1 } } '
        'attr { key: "use_regular_nms" value { b: false } } '
        'attr { key: "nms_score_threshold" value { f: 0.0 } } '
        'attr { key: "nms_iou_threshold" value { f: 0.5 } } '
        'attr { key: "y_scale" value { f: 1.0 } } '
        'attr { key: "x_scale" value { f: 1.0 } } '
        'attr { key: "h_scale" value { f: 1.0 } } '
        'attr { key: "w_scale" value { f: 1.0 } } '
        f'attr {{ key: "num_classes" value {{ i: {classes} }} }}'
    )

    @tf.function(experimental_implements=said)  # type: ignore[untyped-decorator]
    def detected(boxes: Any, scores: Any, anchors: Any) -> Any:
        return (
            tf.zeros((1, 25, 4)), tf.zeros((1, 25)), tf.zeros((1, 25)), tf.zeros((1,)),
        )  # fmt: skip

    class Detected(keras.layers.Layer):  # type: ignore[misc]
        """The operator as a layer."""

        def call(self, given: Any) -> Any:
            boxes, scores = given
            return detected(boxes, scores, tf.ones((boxes.shape[1], 4)))

    return Detected()


def _normed(keras: Any, y: Any) -> Any:
    return keras.layers.ReLU(6.0)(keras.layers.BatchNormalization()(y))

"""A slim detector of faces."""

from typing import Any


def slim_faces(keras: Any, side: tuple[int, int] = (240, 320), base: int = 16) -> Any:
    """Ultra-Light-Fast-Generic-Face-Detector-1MB, `slim_320.py`, without decoding."""
    layers = keras.layers
    image = keras.Input((*side, 3), batch_size=1)
    y = _padded(keras, image, 2)
    y = _normed(keras, layers.Conv2D(base, 3, 2, "valid", use_bias=False)(y))
    taken = []
    steps = (1, 2, 1, 2, 1, 1, 1, 2, 1, 1, 2, 1)
    widths = (2, 2, 2, 4, 4, 4, 4, 8, 8, 8, 16, 16)
    for number, (stride, width) in enumerate(zip(steps, widths, strict=True)):
        y = _separable(keras, y, base * width, stride)
        if number in (6, 9, 11):
            taken.append(y)
    y = layers.ReLU()(layers.Conv2D(base * 4, 1)(y))
    last = layers.ReLU()(_plain(keras, y, base * 16, 2))
    heads: tuple[list[Any], list[Any]] = ([], [])
    for told, rows in ((4, heads[0]), (2, heads[1])):
        for boxes, level in zip((3, 2, 2), taken, strict=True):
            rows.append(
                layers.Reshape((-1, told))(_plain(keras, level, boxes * told, 1))
            )
        final = layers.Conv2D(3 * told, 3, padding="same")(last)
        rows.append(layers.Reshape((-1, told))(final))
    where, what = (layers.Concatenate(axis=1)(rows) for rows in heads)
    return keras.Model(image, [where, layers.Softmax()(what)])


def _padded(keras: Any, y: Any, stride: int) -> Any:
    return keras.layers.ZeroPadding2D(1)(y) if stride > 1 else y


def _separable(keras: Any, y: Any, channels: int, stride: int) -> Any:
    layers = keras.layers
    way = "valid" if stride > 1 else "same"
    deep = layers.DepthwiseConv2D(3, stride, way, use_bias=False)
    y = _normed(keras, deep(_padded(keras, y, stride)))
    return _normed(keras, layers.Conv2D(channels, 1, use_bias=False)(y))


def _plain(keras: Any, y: Any, channels: int, stride: int) -> Any:
    """The same without normalisation."""
    layers = keras.layers
    way = "valid" if stride > 1 else "same"
    y = layers.DepthwiseConv2D(3, stride, way)(_padded(keras, y, stride))
    return layers.Conv2D(channels, 1)(layers.ReLU()(y))


def _normed(keras: Any, y: Any) -> Any:
    return keras.layers.ReLU(6.0)(keras.layers.BatchNormalization()(y))

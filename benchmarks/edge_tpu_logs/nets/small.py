"""Networks of a few layers, written after the source that their authors published."""

from typing import Any


def mnist(keras: Any) -> Any:
    """TensorFlow's own example for digits (tensorflow/models, `mnist_main.py`)."""
    layers = keras.layers
    image = keras.Input((28, 28, 1), batch_size=1)
    y = image
    for _ in range(2):
        y = layers.Conv2D(32, 5, padding="same", activation="relu")(y)
        y = layers.MaxPooling2D(2, 2, padding="same")(y)
    y = layers.Dense(1024, activation="relu")(layers.Flatten()(y))
    return keras.Model(image, layers.Dense(10, activation="softmax")(y))


def deepid(keras: Any) -> Any:
    """DeepID for faces, as the package deepface has it."""
    layers = keras.layers
    image = keras.Input((55, 47, 3), batch_size=1)
    y = image
    for channels, side in ((20, 4), (40, 3), (60, 3)):
        y = layers.Conv2D(channels, side, activation="relu")(y)
        y = layers.MaxPooling2D(2, 2)(y)
    near = layers.Dense(160)(layers.Flatten()(y))
    y = layers.Conv2D(80, 2, activation="relu")(y)
    far = layers.Dense(160)(layers.Flatten()(y))
    return keras.Model(image, layers.ReLU()(layers.Add()([near, far])))


def temporal(keras: Any) -> Any:
    """Convolutions over time, dilated along one side (fredriktegnell/edgetpu-tcn)."""
    layers = keras.layers
    words = keras.Input((118, 100, 1), batch_size=1)
    y = words
    for dilation in (1, 2, 4):
        convolve = layers.Conv2D(
            8, (3, 1), padding="same", dilation_rate=(dilation, 1), activation="relu"
        )
        y = convolve(y)
    y = layers.Dense(1, activation="sigmoid")(layers.Flatten()(y))
    return keras.Model(words, y)


def autoencoder(keras: Any) -> Any:
    """3072 values to 256 and back (JannisWolf/evaluating-edge-accelerator)."""
    layers = keras.layers
    values = keras.Input((3072,), batch_size=1)
    y = layers.LeakyReLU(alpha=0.01)(layers.Dense(256)(values))
    y = layers.LeakyReLU(alpha=0.01)(layers.Dense(3072)(y))
    return keras.Model(values, y)

"""A Keras file (.h5) → a float .tflite; runs where TensorFlow is.

Keras reads a file of weights and layers by name and runs no code that the file brings:
a layer that Keras does not know, or a Lambda, is refused.
"""

import os
from collections.abc import Mapping
from typing import Any


def answer(request: Mapping[str, Any], progress: object) -> object:
    """Write `request["target"]` from `request["file"]`, or say `refused`."""
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
    os.environ["CUDA_VISIBLE_DEVICES"] = ""
    import tensorflow as tf

    try:
        model = tf.keras.models.load_model(
            request["file"], compile=False, safe_mode=True
        )
    except Exception as error:  # noqa: BLE001 - whatever a damaged file makes Keras raise
        return _refused("damaged", error)
    shapes = [[1, *one.shape[1:]] for one in model.inputs]
    if any(size is None for shape in shapes for size in shape):
        return _refused("varying_shape", f"its inputs are {shapes}")
    try:
        content = _converted(tf, model, shapes)
    except Exception as error:  # noqa: BLE001 - the converter's own, of many kinds
        return _refused("needs_conversion", error)
    with open(request["target"], "wb") as file:  # noqa: PTH123 - it comes as text
        file.write(content)
    return {"layers": len(model.layers)}


def _converted(tf: Any, model: Any, shapes: list[list[int]]) -> bytes:
    """Fixed to one row, so that no dimension varies."""
    from tensorflow.python.framework.convert_to_constants import (
        convert_variables_to_constants_v2,
    )

    wanted = [
        tf.TensorSpec(shape, one.dtype, name=f"input_{number}")
        for number, (shape, one) in enumerate(zip(shapes, model.inputs, strict=True))
    ]
    call = tf.function(lambda *rows: model(rows if len(rows) > 1 else rows[0]))
    # Keras 3 leaves its weights as variables that nobody fills; as constants they stay.
    frozen = convert_variables_to_constants_v2(call.get_concrete_function(*wanted))
    made: bytes = tf.lite.TFLiteConverter.from_concrete_functions([frozen]).convert()
    return made


def _refused(code: str, detail: object) -> object:
    lines = str(detail).strip().splitlines() or [type(detail).__name__]
    return {"refused": {"code": code, "detail": lines[0][:300]}}

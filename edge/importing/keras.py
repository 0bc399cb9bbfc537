"""A Keras file (.h5) → a float .tflite; runs where TensorFlow is.

Keras reads a file of weights and layers by name and runs no code that the file brings:
a layer that Keras does not know, or a Lambda, is refused.
"""

import os
import warnings
from collections.abc import Mapping
from typing import Any

TOLERANCE = 1e-3
"""Of the range of an answer: what converting may change."""


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
        apart = _apart(tf, model, shapes, content)
    except Exception as error:  # noqa: BLE001 - the converter's own, of many kinds
        return _refused("needs_conversion", error)
    if not apart <= TOLERANCE:  # also refuses NaN
        return _refused("needs_conversion", f"it answers otherwise, by {apart:.2g}")
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


def _apart(tf: Any, model: Any, shapes: list[list[int]], content: bytes) -> float:
    """How far the first answer of the file is from Keras's, as a share of its range."""
    import numpy as np

    draw = np.random.default_rng(0)
    rows = [draw.uniform(-1, 1, shape).astype(np.float32) for shape in shapes]
    wanted = np.asarray(model(rows if len(rows) > 1 else rows[0]), np.float64)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # TensorFlow's interpreter moves to LiteRT
        interpreter = tf.lite.Interpreter(model_content=content)
    interpreter.allocate_tensors()
    ends = sorted(interpreter.get_input_details(), key=lambda said: said["name"])
    for said, row in zip(ends, rows, strict=True):
        interpreter.set_tensor(said["index"], row.astype(said["dtype"]))
    interpreter.invoke()
    (first, *_) = interpreter.get_output_details()
    found = interpreter.get_tensor(first["index"])
    return float(np.abs(found - wanted).max() / max(float(np.ptp(wanted)), 1e-9))


def _refused(code: str, detail: object) -> object:
    lines = str(detail).strip().splitlines() or [type(detail).__name__]
    return {"refused": {"code": code, "detail": lines[0][:300]}}

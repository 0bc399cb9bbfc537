"""Networks by name → INT8 .tflite files, as their sources converted them.

Runs in an environment of its own, where TensorFlow is (`rebuilding.py`).
"""

import math
import os
from collections.abc import Iterator, Mapping
from importlib import import_module
from typing import Any

SAMPLES = 2
"""Random inputs from which ranges are taken; where an operator runs does not depend on them."""


def answer(request: Mapping[str, Any], progress: Any) -> object:
    """Write the `target` of each of `request["nets"]`: `net`, `options`, `ends`."""
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
    os.environ["CUDA_VISIBLE_DEVICES"] = ""
    import tensorflow as tf

    wanted, made = request["nets"], {}
    for number, told in enumerate(wanted):
        progress(f"make {told['net']}", number, len(wanted))
        tf.keras.backend.clear_session()
        tf.keras.utils.set_random_seed(0)
        content = _converted(tf, _model(tf, told), told)
        with open(told["target"], "wb") as file:  # noqa: PTH123 - it comes as text
            file.write(content)
        made[told["target"]] = len(content)
    progress("made", len(wanted), len(wanted))
    return made


def _model(tf: Any, told: Mapping[str, Any]) -> Any:
    module, _, function = told["net"].partition(":")
    nets = import_module(f"benchmarks.edge_tpu_logs.nets.{module}")
    model = getattr(nets, function)(tf.keras, **told["options"])
    for weight in model.trainable_weights:
        if len(weight.shape) > 1:
            weight.assign(_kernel(tf, weight))
    return model


def _kernel(tf: Any, weight: Any) -> Any:
    """Random values after He, so that ranges neither vanish nor grow with depth."""
    *taken, _ = weight.shape
    if "depthwise" in weight.name:  # each channel sees itself alone
        *taken, _ = taken
    return tf.random.normal(weight.shape, stddev=math.sqrt(2 / math.prod(taken)))


def _converted(tf: Any, model: Any, told: Mapping[str, Any]) -> bytes:
    """Full integer, one row at a time."""
    (given,) = model.inputs
    converter = tf.lite.TFLiteConverter.from_keras_model(model)
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = lambda: _samples(tf, given.shape)
    converter.allow_custom_ops = True
    converter.experimental_new_quantizer = told["quantizer"] == "new"
    taken, _, gives = told["ends"].partition("-")
    if taken != "float32":
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    converter.inference_input_type = tf.as_dtype(taken)
    converter.inference_output_type = tf.as_dtype(gives or taken)
    made: bytes = converter.convert()
    return made


def _samples(tf: Any, shape: Any) -> Iterator[list[Any]]:
    draw = tf.random.Generator.from_seed(0)
    for _ in range(SAMPLES):
        yield [draw.uniform(shape, -1.0, 1.0)]

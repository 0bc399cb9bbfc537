"""A float .tflite → one with fewer bits; runs where litert-quantizer is.

Ranges are the smallest and largest value that any calibration row gave: the library's
own running mean of them clips the logits. Fully connected weights get one scale, since
runtimes before 2023 read only the first of several and answer nonsense without a word.
"""

import os
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np


def answer(request: Mapping[str, Any], progress: Any) -> object:
    """Write `request["target"]` from `request["source"]`.

    Request: `scheme` (int8, dynamic, float16); of int8 also `rows`, a .npy of
    calibration inputs [n, …], and `low` and `high`: the range of the input, exactly.
    """
    os.environ.setdefault("TQDM_DISABLE", "1")
    from litert_quantizer import quantizer

    recipe = RECIPES[request["scheme"]]()
    made = quantizer.Quantizer(request["source"], recipe.get_quantization_recipe())
    ranges = None
    if request["scheme"] == "int8":
        ranges = _ranges(request, recipe, progress)
    made.quantize(ranges).export_model(request["target"], overwrite=True)
    return {"ranges": 0 if ranges is None else len(ranges)}


def int8_recipe() -> Any:
    """Weights and activations, one scale a channel of convolutions."""
    known, manager = _parts()
    static = {"activation_num_bits": 8, "weight_num_bits": 8}
    manager.add_static_config(".*", known.TFLOperationName.ALL_SUPPORTED, **static)
    manager.add_static_config(
        ".*",
        known.TFLOperationName.FULLY_CONNECTED,
        weight_granularity=known.QuantGranularity.TENSORWISE,
        **static,
    )
    return manager


def dynamic_recipe() -> Any:
    """INT8 weights; activations are rounded while it runs."""
    known, manager = _parts()
    manager.add_dynamic_config(".*", known.TFLOperationName.ALL_SUPPORTED, num_bits=8)
    manager.add_dynamic_config(
        ".*",
        known.TFLOperationName.FULLY_CONNECTED,
        num_bits=8,
        granularity=known.QuantGranularity.TENSORWISE,
    )
    return manager


def float16_recipe() -> Any:
    """16-bit weights, computed with in float."""
    from litert_quantizer.algorithm_manager import AlgorithmName

    known, manager = _parts()
    for name in ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED"):
        manager.add_weight_only_config(
            ".*",
            known.TFLOperationName[name],
            num_bits=16,
            algorithm_key=AlgorithmName.FLOAT_CASTING,
        )
    return manager


RECIPES = {
    "int8": int8_recipe,
    "dynamic": dynamic_recipe,
    "float16": float16_recipe,
}


def _parts() -> tuple[Any, Any]:
    from litert_quantizer import qtyping, recipe_manager

    return qtyping, recipe_manager.RecipeManager()


def _ranges(request: Mapping[str, Any], recipe: Any, progress: Any) -> Any:
    from litert_quantizer import calibrator
    from litert_quantizer.utils import qsv_utils

    ((key, signature),) = _signatures(request["source"]).items()
    (name,) = signature["inputs"]
    rows = np.load(request["rows"])
    found = calibrator.Calibrator(
        request["source"], num_threads=1, qsv_update_func=qsv_utils.min_max_update
    )
    found.calibrate({key: _Told(rows, name, progress)}, recipe)
    ranges = found.get_model_qsvs()
    _pin_input(ranges, request)
    return ranges


class _Told:
    """The rows as the library asks for them; it walks them twice, once to count."""

    def __init__(self, rows: Any, name: str, progress: Any) -> None:
        self._rows, self._name, self._progress = rows, name, progress

    def __len__(self) -> int:
        return len(self._rows)

    def __iter__(self) -> Iterator[Mapping[str, Any]]:
        for number, row in enumerate(self._rows, start=1):
            self._progress("calibrate", number, len(self._rows))
            yield {self._name: row[None]}


def _pin_input(ranges: Any, request: Mapping[str, Any]) -> None:
    """Give the input the range that its normalisation has, whatever the rows hold."""
    from ai_edge_litert.interpreter import Interpreter

    (said,) = Interpreter(request["source"]).get_input_details()
    held = ranges[said["name"]]
    for end, value in (("min", request["low"]), ("max", request["high"])):
        held[end] = np.full_like(held[end], value)


def _signatures(model: str) -> Mapping[str, Any]:
    from ai_edge_litert.interpreter import Interpreter

    found: Mapping[str, Any] = Interpreter(model).get_signature_list()
    return found

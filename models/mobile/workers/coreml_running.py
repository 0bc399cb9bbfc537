"""A Core ML program, worked out operation by operation in torch.

Core ML itself runs on Apple's systems alone. This reads the package that was written,
with its own weights, and computes what the documentation of each operation says, every
result rounded to 16 bits where the program says FP16. How an accelerator sums is not
known here, so its last bits may differ.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from models.mobile.workers import Run
from models.mobile.workers.coreml_operations import OPERATIONS, Values
from models.mobile.workers.coreml_package import held, is_held, read_program


def opened(model: str, threads: int) -> Run:
    """The program's answer [1, n] to one row of pixels [1, c, h, w].

    Raises:
        ValueError: an operation is not known here.
    """
    torch.set_num_threads(threads)
    spec, operations = read_program(Path(model))
    (image,), (output,) = spec.description.input, spec.description.output
    unknown = sorted({op.op_type for op in operations} - set(OPERATIONS))
    if unknown:
        raise ValueError(f"nothing here works out {', '.join(unknown)}")
    steps = [op for op in operations if not is_held(op)]
    constants = _constants(operations)

    def run(row: Any) -> Any:
        values = {**constants, image.name: torch.from_numpy(row)}
        with torch.no_grad():
            for op in steps:
                _work_out(op, values)
        return values[output.name].float().numpy()

    return run


def _constants(operations: Sequence[Any]) -> dict[str, Any]:
    """Everything that the program knows before it runs, by name."""
    unfolded = {op.outputs[0].name: held(op) for op in operations if is_held(op)}
    steps = (op for op in operations if not is_held(op))
    inputs = (
        var for op in steps for given in op.inputs.values() for var in _each(given)
    )
    known = {var.name: var.val for var in inputs if var.val is not None}
    return {name: _settled(value) for name, value in {**known, **unfolded}.items()}


def _settled(value: Any) -> Any:
    """A constant as operations take it: floats in 32 bits, which hold what 16 can."""
    if isinstance(value, np.ndarray) and value.dtype.kind == "f":
        return torch.from_numpy(value.astype(np.float32))
    return float(value) if isinstance(value, np.floating) else value


def _work_out(op: Any, values: dict[str, Any]) -> None:
    given = {name: _value(one, values) for name, one in op.inputs.items()}
    (output,) = op.outputs
    found = OPERATIONS[op.op_type](given)
    values[output.name] = found.half().float() if _is_half(output) else found


def _is_half(var: Any) -> bool:
    return "fp16" in str(var.dtype)


def _value(given: Any, values: Values) -> Any:
    """What an input is; several at once stay a list."""
    found = [values[var.name] for var in _each(given)]
    return found if isinstance(given, (list, tuple)) else found[0]


def _each(given: Any) -> Sequence[Any]:
    return given if isinstance(given, (list, tuple)) else (given,)

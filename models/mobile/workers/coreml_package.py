"""A Core ML package, read back: its specification and the operations of its program."""

from pathlib import Path
from typing import Any

import coremltools as ct
from coremltools.converters.mil.frontend.milproto import load

WEIGHTS = "Data/com.apple.CoreML/weights"


def read_program(package: Path) -> tuple[Any, list[Any]]:
    """The specification, and the operations of `main` in order, without constants.

    Raises:
        ValueError: it holds no program, or one of another number of functions.
    """
    spec = ct.utils.load_spec(str(package))
    if spec.WhichOneof("Type") != "mlProgram":
        raise ValueError(f"{package.name} holds no program")
    found = load.load(spec, spec.specificationVersion, str(package / WEIGHTS))
    (function,) = found.functions.values()
    return spec, [op for op in function.operations if op.op_type != "const"]


def is_held(op: Any) -> bool:
    """Whether `op` only unfolds weights that the file keeps in fewer bits."""
    return str(op.op_type).startswith("constexpr_")


def held(op: Any) -> Any:
    """The weights that `op` unfolds."""
    return op.materialized_val_inference()

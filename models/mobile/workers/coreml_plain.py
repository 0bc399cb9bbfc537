"""Any torch program of one input → a Core ML package that takes it as it is, no image.

Runs where coremltools is.
"""

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import coremltools as ct
import numpy as np
import torch

from models.mobile.workers.coreml_package import read_program


def answer(request: Mapping[str, Any], progress: Any) -> object:
    """Write `request["target"]` (.mlpackage) from `request["program"]` (.pt2).

    The package computes in 16-bit floats and takes floats of 32. Answers with the operators
    of its program and the number of the specification, that of iOS 17.
    """
    torch.set_num_threads(1)
    program = torch.export.load(request["program"])
    (example,) = program.example_inputs[0]
    with torch.no_grad():
        traced = torch.jit.trace(program.module(), example)  # type: ignore[no-untyped-call]
    made = ct.convert(
        traced,
        inputs=[ct.TensorType(name="input", shape=example.shape, dtype=np.float32)],
        outputs=[ct.TensorType(name="output", dtype=np.float32)],
        convert_to="mlprogram",
        minimum_deployment_target=ct.target.iOS17,
        compute_precision=ct.precision.FLOAT16,
        skip_model_load=True,
    )
    target = Path(request["target"])
    made.save(str(target))
    spec, operations = read_program(target)
    counted = Counter(op.op_type for op in operations)
    return {
        "specification": spec.specificationVersion,
        "operators": [
            {"operator": name, "count": count}
            for name, count in sorted(counted.items())
        ],
    }

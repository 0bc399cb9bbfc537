"""A torch module → ONNX with a batch dimension of any size; importing this imports torch."""

import io
import logging
import warnings
from contextlib import redirect_stdout
from pathlib import Path

import torch
from torch import nn

OPSET = 21
MAX_BATCH = 4096


def export(
    network: nn.Module,
    example: torch.Tensor,
    names: tuple[str, str],
    target: Path,
    opset: int = OPSET,
) -> None:
    """Write `network`, called with tensors like `example` [2 or more, …], to `target`.

    Args:
        network: takes and gives one tensor whose first dimension is the row.
        example: an input; only its shape past the first dimension is kept.
        names: of the input and of the output.
        target: the ONNX file.
        opset: of ONNX.

    Raises:
        RuntimeError: the exporter cannot express the network.
    """
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)
    with warnings.catch_warnings(), redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")  # the exporter's own deprecations
        program = torch.onnx.export(
            network,
            (example,),
            dynamo=True,
            opset_version=opset,
            input_names=[names[0]],
            output_names=[names[1]],
            dynamic_shapes=({0: torch.export.Dim("batch", min=1, max=MAX_BATCH)},),
            external_data=False,
            verbose=False,
        )
        if program is None:
            raise RuntimeError("the exporter gave no program")
        program.optimize()
        program.save(str(target), external_data=False)

"""An exported torch program (.pt2) of somebody else: loaded, run twice, counted."""

import os
import pickle
import zipfile
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from edge.importing.drawn import Array, check_answers, draw, kept, summary
from edge.importing.refusals import Refused, first_line
from models.mobile.nodes import Widths

UNCOUNTED = tuple(
    f"aten.{name}."
    for name in (
        "conv1d", "conv3d", "conv_transpose1d", "conv_transpose2d", "matmul", "mm",
        "bmm", "addmm", "einsum", "lstm", "gru", "scaled_dot_product_attention",
    )
)  # fmt: skip
"""Beginnings of operators that multiply otherwise than a convolution or a full layer."""


def inspect(file: Path, golden: str | None) -> dict[str, object]:
    """What the program takes, gives and holds.

    Raises:
        Refused: it is damaged, or does not run.
    """
    try:
        import torch
    except ImportError as error:
        raise Refused("not_installed", "torch: install headwater[build]") from error
    if not zipfile.is_zipfile(file):
        raise Refused("not_pt2", "it is no archive, as torch.export.save writes them")
    program = _loaded(torch, file)
    inputs = _inputs(program)
    try:
        outputs, again = _run(torch, program, inputs), _run(torch, program, inputs)
    except (RuntimeError, ValueError, TypeError) as error:
        raise Refused("does_not_run", first_line(error)) from error
    check_answers(outputs, again)
    kept(golden, inputs, outputs)
    return {
        "format": "pt2",
        "operators": _operators(program),
        "inputs": [_end(name, value) for name, value in inputs.items()],
        "outputs": [_end(name, value) for name, value in outputs.items()],
        "golden": [summary(name, value) for name, value in outputs.items()],
        "cost": _cost(file, program),
    }


def _loaded(torch: Any, file: Path) -> Any:
    # Torch falls back to pickles that run code where tensors alone do not do.
    os.environ["TORCH_FORCE_WEIGHTS_ONLY_LOAD"] = "1"
    try:
        return torch.export.load(file)
    except (
        RuntimeError, ValueError, TypeError, KeyError, AttributeError, AssertionError,
        EOFError, OSError, IndexError, zipfile.BadZipFile, pickle.UnpicklingError,
    ) as error:  # fmt: skip
        raise Refused("damaged", first_line(error)) from error


def _inputs(program: Any) -> dict[str, Array]:
    """Drawn in the shapes that the program was exported with."""
    held = program.example_inputs
    if held is None or held[1] or not held[0]:
        raise Refused("no_example", "it says no example inputs; export it with some")
    found = {}
    for number, tensor in enumerate(held[0]):
        if not hasattr(tensor, "numpy"):
            raise Refused("unknown_type", f"input {number} is no tensor")
        like = tensor.detach().numpy()
        found[f"input_{number}"] = draw(like.shape, like.dtype, number)
    return found


def _run(torch: Any, program: Any, inputs: Mapping[str, Array]) -> dict[str, Array]:
    torch.set_num_threads(1)
    with torch.no_grad():
        said = program.module()(*(torch.from_numpy(one) for one in inputs.values()))
    answers = said if isinstance(said, tuple | list) else (said,)
    return {f"output_{n}": np.asarray(one.numpy()) for n, one in enumerate(answers)}


def _operators(program: Any) -> list[dict[str, object]]:
    calls = (node for node in program.graph.nodes if node.op == "call_function")
    counted = Counter(str(node.target) for node in calls)
    return [
        {"operator": name, "version": 0, "count": count}
        for name, count in sorted(counted.items())
    ]


def _cost(file: Path, program: Any) -> dict[str, int] | None:
    """Of one run in FP32; None: shapes vary, or it has sums that are not counted."""
    from models.mobile.from_torch import cost_of

    if not all(_is_fixed(node.meta.get("val")) for node in program.graph.nodes):
        return None
    names = {str(node.target) for node in program.graph.nodes}
    if any(name.startswith(UNCOUNTED) for name in names):
        return None
    return asdict(cost_of(file, Widths(4, 4)))


def _is_fixed(value: Any) -> bool:
    """Whether the shape of what a node gives is of numbers, not of symbols."""
    return all(isinstance(size, int) for size in getattr(value, "shape", ()))


def _end(name: str, value: Array) -> dict[str, object]:
    return {"name": name, "shape": list(value.shape), "datatype": value.dtype.name}

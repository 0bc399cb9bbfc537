"""Weights → ONNX with a batch dimension of any size, checked against their source."""

import pickle
import shutil
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from configs.model import ModelSpec
from models.errors import BuildFailed
from models.runtime import Runner

Floats = NDArray[np.float32]

TOLERANCE = 1e-3
"""Largest difference of a logit that export may cause; logits span about ±10."""


def to_onnx(spec: ModelSpec, weights: Path, target: Path) -> None:
    """Write the network of `spec` with `weights` as ONNX to `target`.

    Raises:
        BuildFailed: the weights do not fit, or the result is not what `spec` promises.
    """
    if spec.architecture == "onnx":
        shutil.copyfile(weights, target)
    else:
        _export(spec, weights, target)
    check_graph(spec.id, target)
    check_tensors(spec, target)


def _export(spec: ModelSpec, weights: Path, target: Path) -> None:
    try:
        import torch

        from models import efficientnet, torch_export
    except ImportError as error:
        reason = f"{error.name} is missing: install headwater[build]"
        raise BuildFailed(spec.id, "export", reason) from error
    images = _example(spec)
    names = spec.inputs[0].name, spec.outputs[0].name
    try:
        network = efficientnet.load(spec.architecture, weights)
        torch_export.export(network, torch.from_numpy(images), names, target)
    except (RuntimeError, pickle.UnpicklingError, EOFError) as error:
        raise BuildFailed(spec.id, "export", _first_line(error)) from error
    with torch.no_grad():
        wanted = network(torch.from_numpy(images)).numpy()
    _compare(spec.id, Runner(target).logits(images), wanted)


def _example(spec: ModelSpec) -> Floats:
    """Three images of noise: any content shows whether two networks are the same."""
    shape = (3, *spec.inputs[0].shape)
    return np.random.default_rng(0).uniform(-1, 1, shape).astype(np.float32)


def _compare(model: str, got: Floats, wanted: Floats) -> None:
    apart = float(np.abs(got - wanted).max())
    if not apart <= TOLERANCE:  # also refuses NaN
        reason = f"logits must be within {TOLERANCE} of the source's, got {apart:.2g}"
        raise BuildFailed(model, "export", reason)


def check_graph(model: str, file: Path) -> None:
    """Hold `file` to the rules of ONNX, shapes included.

    Raises:
        BuildFailed: it breaks one.
    """
    try:
        import onnx
    except ImportError as error:
        reason = f"{error.name} is missing: install headwater[build]"
        raise BuildFailed(model, "ONNX check", reason) from error
    try:
        onnx.checker.check_model(str(file), full_check=True)
    except (
        onnx.checker.ValidationError,
        onnx.shape_inference.InferenceError,
        ValueError,
    ) as error:
        raise BuildFailed(model, "ONNX check", _first_line(error)) from error


def check_tensors(spec: ModelSpec, file: Path) -> None:
    """Hold `file` to the inputs and outputs that `spec` promises.

    Raises:
        BuildFailed: it has others.
    """
    promised = [
        (tensor.name, tensor.datatype, (-1, *tensor.shape))
        for tensor in (*spec.inputs, *spec.outputs)
    ]
    found = Runner(file).tensors()
    if promised != found:
        reason = f"the spec promises {promised}, the graph has {found}"
        raise BuildFailed(spec.id, "ONNX check", reason)


def _first_line(error: BaseException) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]

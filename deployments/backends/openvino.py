"""OpenVINO on CPU, for ONNX files whose card prefers it."""

import sys
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from deployments.messages import Tensor

# Importing openvino reports that to its makers, with the package that this leaves out.
sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]

import openvino  # noqa: E402

DEVICE = "CPU"

FLOAT = "f32"
"""Left to itself it computes in bfloat16 where a CPU can, with other numbers."""


class OpenvinoBackend:
    """One model, compiled once for all sizes of batches.

    A run uses exactly one thread, the one that asks; whoever asks at the same time finds
    a stream of its own.
    """

    def __init__(
        self, compiled: openvino.CompiledModel, weights: object = None
    ) -> None:
        """Run `compiled`, which reads its weights from `weights` as long as it lives."""
        self._compiled = compiled
        self._outputs = [output.any_name for output in compiled.outputs]
        self._nothing = [(one, _smallest(one)) for one in compiled.inputs]
        # append and pop of a list are whole, whatever the threads do.
        self._idle = [compiled.create_infer_request()]
        self._weights = weights  # the last to go: attributes leave in this order

    def run(self, inputs: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
        """See `Backend.run`."""
        try:
            request = self._idle.pop()
        except IndexError:
            request = self._compiled.create_infer_request()
        # Answers are copies: the next run may come before they are read.
        answers = request.infer(dict(inputs), share_inputs=True)
        found = {name: answers[name] for name in self._outputs}
        self._let_go(request)
        self._idle.append(request)
        return found

    def _let_go(self, request: openvino.InferRequest) -> None:
        """Hold nothing of a run that is over: its inputs may be views of a whole body."""
        for name, nothing in self._nothing:
            request.set_tensor(name, nothing)
        request._inputs_data = None  # the same arrays, held once more for Python


def _smallest(wanted: openvino.ConstOutput) -> openvino.Tensor:
    """Of no rows, where a model takes any number of them."""
    shape = wanted.partial_shape
    empty = shape.get_min_shape() if shape.rank.is_static else openvino.Shape([0])
    return openvino.Tensor(wanted.element_type, empty)


def compile_file(model: Path, slots: int = 1) -> openvino.CompiledModel:
    """Compile an ONNX file for this CPU.

    Args:
        model: the file.
        slots: how many threads run it at once; their streams share the weights.

    Raises:
        RuntimeError: it is no model, or holds what OpenVINO does not know.
    """
    return openvino.Core().compile_model(model, DEVICE, _settings(slots))


def open_copy(copy: Path, slots: int = 1) -> OpenvinoBackend:
    """Open what `export` gave; its pages are mapped, so replicas of a node share them.

    Raises:
        RuntimeError: it is of another version.
        OSError: it cannot be read.
    """
    mapped = np.memmap(copy, np.uint8, mode="c")  # a view that may be written is wanted
    tensor = openvino.Tensor(mapped, shared_memory=True)
    compiled = openvino.Core().import_model(tensor, DEVICE, _settings(slots))
    return OpenvinoBackend(compiled, weights=(mapped, tensor))


def export(compiled: openvino.CompiledModel) -> bytes:
    """What `open_copy` opens faster than `compile_file` compiles."""
    return bytes(compiled.export_model().getbuffer())


def _settings(slots: int) -> dict[str, object]:
    return {
        "NUM_STREAMS": slots,
        "INFERENCE_NUM_THREADS": slots,
        "INFERENCE_PRECISION_HINT": FLOAT,
        # Else the replicas of a machine would pin themselves to the same cores.
        "ENABLE_CPU_PINNING": False,
    }

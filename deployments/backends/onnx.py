"""ONNX Runtime on CPU."""

from collections.abc import Mapping
from pathlib import Path

import onnxruntime

from deployments.messages import Tensor


class OnnxBackend:
    """One ONNX model in one session.

    A run uses exactly one thread: a replica's parallelism is its slots, and two
    sessions with pools of their own would fight for the same cores. `optimised`: the
    file is as the runtime would make it, see `prepared`.
    """

    def __init__(self, model: Path, optimised: bool = False) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        if optimised:
            level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
            options.graph_optimization_level = level
        self._session = onnxruntime.InferenceSession(
            str(model), options, providers=["CPUExecutionProvider"]
        )
        self._outputs = [output.name for output in self._session.get_outputs()]

    def run(self, inputs: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
        """See `Backend.run`."""
        answers = self._session.run(self._outputs, dict(inputs))
        return dict(zip(self._outputs, answers, strict=True))

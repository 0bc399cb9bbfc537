"""ONNX Runtime on an NVIDIA GPU; needs `onnxruntime-gpu` and its CUDA libraries."""

from collections.abc import Mapping
from pathlib import Path

import onnxruntime

from deployments.messages import Tensor
from models.errors import ToolFailed

PROVIDER = "CUDAExecutionProvider"


def is_there() -> bool:
    """Whether this ONNX Runtime was built for CUDA."""
    return PROVIDER in onnxruntime.get_available_providers()


class CudaBackend:
    """One ONNX model in one session; runs of several slots share the GPU.

    Inputs and outputs are bound, so that each crosses to the GPU and back once, whatever
    the graph does between. While one slot's run is there, another stacks its batch.
    """

    def __init__(self, model: Path, provider: str = PROVIDER) -> None:
        """Open `model` on `provider` and on nothing else.

        Raises:
            ToolFailed: the provider does not start.
        """
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.log_severity_level = 3
        self._session = onnxruntime.InferenceSession(
            str(model), options, providers=[provider]
        )
        # Without CUDA it would run on CPU and say so in a log only.
        if provider not in self._session.get_providers():
            reason = f"{provider} did not start; install onnxruntime-gpu and its CUDA"
            raise ToolFailed("onnxruntime", "starting on the GPU", reason)
        self._outputs = [output.name for output in self._session.get_outputs()]

    def run(self, inputs: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
        """See `Backend.run`."""
        binding = self._session.io_binding()
        for name, tensor in inputs.items():
            binding.bind_cpu_input(name, tensor)
        for name in self._outputs:
            binding.bind_output(name)
        self._session.run_with_iobinding(binding)
        answers = binding.copy_outputs_to_cpu()
        return dict(zip(self._outputs, answers, strict=True))

"""An ONNX Runtime model, `.ort` or `.onnx`, run by ONNX Runtime."""

from typing import Any

import onnxruntime

from models.mobile.workers import Run


def opened(model: str, threads: int) -> Run:
    """The model's answer [1, n] to one row.

    Raises:
        Fail: of onnxruntime, when it refuses the file.
    """
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    # As the converter optimises: nothing that only x86 runs, so both are one graph.
    options.add_session_config_entry("session.qdqisint8allowed", "1")
    session = onnxruntime.InferenceSession(
        model,
        options,
        providers=["CPUExecutionProvider"],
        disabled_optimizers=["NchwcTransformer"],
    )
    name = session.get_inputs()[0].name

    def run(row: Any) -> Any:
        (found,) = session.run(None, {name: row})
        return found

    return run

"""ONNX Runtime as the baselines use it: no code of the serving path."""

from pathlib import Path

import onnxruntime

from benchmarks.facts import BareModel


def open_session(model: Path, threads: int) -> "onnxruntime.InferenceSession":
    """A session that runs one batch on `threads` threads, otherwise as a replica's."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(
        str(model), options, providers=["CPUExecutionProvider"]
    )


def input_name(session: "onnxruntime.InferenceSession") -> str:
    """The name of a classifier's only input."""
    return str(session.get_inputs()[0].name)


def open_sessions(
    models: tuple[BareModel, ...], threads: int
) -> list["onnxruntime.InferenceSession"]:
    """One session a model."""
    return [open_session(model.file, threads) for model in models]

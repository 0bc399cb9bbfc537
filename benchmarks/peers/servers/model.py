"""The model as every peer opens it; says what to serve and how, from the environment."""

import os
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime

MODEL = "PEER_MODEL"
HTTP_PORT = "PEER_HTTP_PORT"
GRPC_PORT = "PEER_GRPC_PORT"
METRICS_PORT = "PEER_METRICS_PORT"
WORKERS = "PEER_WORKERS"

HOST = "127.0.0.1"
NAME = "classifier"
MAX_BATCH = 16
WAIT_MS = 5
TIMEOUT_S = 30

Rows = Any
"""An array of FP32 rows; NumPy's own type differs from environment to environment."""


class Classifier:
    """One session with one thread, as a replica of Headwater has it."""

    def __init__(self) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        file = Path(os.environ[MODEL])
        self._session = onnxruntime.InferenceSession(
            str(file), options, providers=["CPUExecutionProvider"]
        )
        (given,), (wanted,) = self._session.get_inputs(), self._session.get_outputs()
        self.input, self.output = str(given.name), str(wanted.name)
        self.row_shape = tuple(given.shape[1:])
        self.classes = int(wanted.shape[-1])

    def row(self, body: bytes) -> Rows:
        """One row out of raw FP32 bytes, without its batch dimension."""
        return np.frombuffer(body, np.float32).reshape(self.row_shape)

    def run(self, batch: Rows) -> Rows:
        """Logits [rows, classes] of a batch [rows, ...]."""
        return self._session.run(None, {self.input: batch})[0]


def number(name: str) -> int:
    """A number that the benchmark has put into the environment."""
    return int(os.environ[name])

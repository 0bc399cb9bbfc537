"""BentoML: raw bytes without batching, and file uploads with its adaptive batching.

Arrays travel as JSON in BentoML; uploads are its documented way for binary content, and a
batched input must be a list of them. Raw bytes cannot be batched.
"""

from pathlib import Path
from typing import Annotated

import bentoml
import numpy as np
from bentoml.validators import ContentType

from benchmarks.peers.servers import model
from benchmarks.peers.servers.model import Classifier

Raw = Annotated[bytes, ContentType("application/octet-stream")]


@bentoml.service(
    workers=model.number(model.WORKERS),
    traffic={"timeout": model.TIMEOUT_S, "max_concurrency": 1024},
    logging={"access": {"enabled": False}},
)
class Classify:
    """Both ways to the same session."""

    def __init__(self) -> None:
        self._classifier = Classifier()

    @bentoml.api(route="/raw")  # type: ignore[untyped-decorator]
    def raw(self, pixels: bytes, /) -> Raw:
        """Logits of one row as raw bytes."""
        row = self._classifier.row(pixels)
        return bytes(self._classifier.run(row[None]).tobytes())

    @bentoml.api(  # type: ignore[untyped-decorator]
        route="/batched",
        batchable=True,
        max_batch_size=model.MAX_BATCH,
        max_latency_ms=model.TIMEOUT_S * 1000,
    )
    def batched(self, pixels: list[Path]) -> np.ndarray:
        """Logits of uploaded rows; the answer is JSON."""
        rows = [self._classifier.row(file.read_bytes()) for file in pixels]
        logits: np.ndarray = self._classifier.run(np.stack(rows))
        return logits

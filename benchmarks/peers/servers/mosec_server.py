"""mosec: raw FP32 bytes in, raw logits out; a Rust front end and one worker a process."""

import sys

import numpy as np
from mosec import Server, Worker

from benchmarks.peers.servers import model
from benchmarks.peers.servers.model import Classifier, Rows


class Classify(Worker):  # type: ignore[misc]
    """The worker: `forward` gets what the front end has batched."""

    def __init__(self) -> None:
        super().__init__()
        self._classifier = Classifier()

    def deserialize(self, data: bytes) -> Rows:
        return self._classifier.row(data)

    def forward(self, data: list[Rows]) -> list[Rows]:
        return list(self._classifier.run(np.stack(data)))

    def serialize(self, data: Rows) -> bytes:
        return bytes(data.tobytes())


def main() -> None:
    """Serve until SIGTERM."""
    # mosec reads its own command line.
    port = str(model.number(model.HTTP_PORT))
    timeout_ms = str(model.TIMEOUT_S * 1000)
    sys.argv[1:] = ["--address", model.HOST, "--port", port, "--timeout", timeout_ms]
    server = Server()
    server.append_worker(
        Classify,
        num=model.number(model.WORKERS),
        max_batch_size=model.MAX_BATCH,
        max_wait_time=model.WAIT_MS,
    )
    server.run()


if __name__ == "__main__":
    main()

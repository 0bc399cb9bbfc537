"""LitServe: raw FP32 bytes in as FastAPI hands them over, raw logits out."""

from typing import Annotated

import litserve
import numpy as np
from fastapi import Body, Response

from benchmarks.peers.servers import model
from benchmarks.peers.servers.model import Classifier, Rows

RawBody = Annotated[bytes, Body(media_type="application/octet-stream")]


class Classify(litserve.LitAPI):  # type: ignore[misc]
    """The worker: `predict` gets what the loop has batched."""

    def setup(self, device: str) -> None:
        self._classifier = Classifier()

    def decode_request(self, request: RawBody) -> Rows:
        return self._classifier.row(request)

    def batch(self, inputs: list[Rows]) -> Rows:
        return np.stack(inputs)

    def predict(self, batch: Rows) -> Rows:
        return self._classifier.run(batch)

    def unbatch(self, output: Rows) -> list[Rows]:
        return list(output)

    def encode_response(self, output: Rows) -> Response:
        return Response(output.tobytes(), media_type="application/octet-stream")


def main() -> None:
    """Serve until SIGTERM."""
    served = Classify(
        max_batch_size=model.MAX_BATCH, batch_timeout=model.WAIT_MS / 1000
    )
    server = litserve.LitServer(
        served,
        accelerator="cpu",
        workers_per_device=model.number(model.WORKERS),
        timeout=model.TIMEOUT_S,
    )
    server.run(
        host=model.HOST,
        port=model.number(model.HTTP_PORT),
        num_api_servers=1,
        generate_client_file=False,
        log_level="warning",
    )


if __name__ == "__main__":
    main()

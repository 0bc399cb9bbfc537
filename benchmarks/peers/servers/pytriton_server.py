"""PyTriton: a Triton core with its dynamic batcher, the model called from Python."""

import numpy as np
from pytriton.decorators import batch
from pytriton.model_config import DynamicBatcher, ModelConfig, Tensor
from pytriton.triton import Triton, TritonConfig

from benchmarks.peers.servers import model
from benchmarks.peers.servers.model import Classifier, Rows


def main() -> None:
    """Serve until SIGTERM."""
    config = TritonConfig(
        http_address=model.HOST,
        http_port=model.number(model.HTTP_PORT),
        grpc_address=model.HOST,
        grpc_port=model.number(model.GRPC_PORT),
        metrics_address=model.HOST,
        metrics_port=model.number(model.METRICS_PORT),
    )
    classifiers = [Classifier() for _ in range(model.number(model.WORKERS))]
    with Triton(config=config) as triton:
        _bind(triton, classifiers)
        triton.serve()


def _bind(triton: Triton, classifiers: list[Classifier]) -> None:
    first = classifiers[0]
    triton.bind(
        model_name=model.NAME,
        infer_func=[_infer(one) for one in classifiers],
        inputs=[Tensor(name=first.input, dtype=np.float32, shape=first.row_shape)],
        outputs=[Tensor(name=first.output, dtype=np.float32, shape=(first.classes,))],
        config=ModelConfig(
            max_batch_size=model.MAX_BATCH,
            batcher=DynamicBatcher(
                max_queue_delay_microseconds=model.WAIT_MS * 1000,
            ),
        ),
    )


def _infer(classifier: Classifier) -> Rows:
    @batch  # type: ignore[untyped-decorator]
    def infer(**inputs: Rows) -> list[Rows]:
        return [classifier.run(inputs[classifier.input])]

    return infer


if __name__ == "__main__":
    main()

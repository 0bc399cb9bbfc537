"""MLServer: its adaptive batching before the model, Open Inference Protocol over gRPC."""

from mlserver import MLModel
from mlserver.codecs import NumpyCodec
from mlserver.types import InferenceRequest, InferenceResponse

from benchmarks.peers.servers.model import Classifier


class Classify(MLModel):  # type: ignore[misc]
    """The runtime that `model-settings.json` names."""

    async def load(self) -> bool:
        self._classifier = Classifier()
        return True

    async def predict(self, payload: InferenceRequest) -> InferenceResponse:
        rows = NumpyCodec.decode_input(payload.inputs[0])
        logits = self._classifier.run(rows)
        output = NumpyCodec.encode_output(self._classifier.output, logits)
        return InferenceResponse(model_name=self.name, outputs=[output])

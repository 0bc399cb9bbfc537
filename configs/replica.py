"""The Spec of what every replica is held to, whatever it hosts."""

from typing import Literal

from pydantic import Field, model_validator

from configs.spec import Spec


class ReplicaSpec(Spec):
    """Bounds of one replica."""

    max_inflight_bytes: int = Field(
        2**30, ge=1, description="Bytes of requests not answered yet; more are refused."
    )
    run_timeout_s: float = Field(
        30.0, gt=0, description="A longer run of a model: the replica is replaced."
    )
    request_timeout_s: float = Field(
        60.0, gt=0, le=110, description="An HTTP request that takes longer is ended."
    )
    device: Literal["cpu", "cuda"] = Field(
        "cpu", description="Where ONNX models run; cuda needs onnxruntime-gpu."
    )

    @model_validator(mode="after")
    def _run_ends_before_its_request(self) -> "ReplicaSpec":
        if self.run_timeout_s >= self.request_timeout_s:
            raise ValueError("run_timeout_s must be below request_timeout_s")
        return self

"""A model's Spec with parts of Triton's ModelConfig put over it. Pure.

Source: the `config` parameter of a load in the model repository extension.
"""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, ValidationError

from configs.model import ModelSpec
from configs.spec import Spec
from deployments.errors import InvalidInput

US = 1e6

Count = Annotated[int, Field(ge=0)]
Many = Annotated[int, Field(ge=1)]


class _Said(Spec):
    """A number is no text and a text no number, as in protobuf."""

    model_config = ConfigDict(strict=True)


class QueuePolicyConfig(_Said):
    """Triton's ModelQueuePolicy; 0 is none."""

    timeout_action: Literal["REJECT", "DELAY"] = "REJECT"
    default_timeout_microseconds: Count = 0
    allow_timeout_override: bool = False
    max_queue_size: Count = 0

    def told(self) -> dict[str, object]:
        """The same in the words of a `QueuePolicySpec`."""
        return {
            "timeout_action": self.timeout_action,
            "default_timeout_us": self.default_timeout_microseconds or None,
            "allow_timeout_override": self.allow_timeout_override,
            "max_queue_size": self.max_queue_size or None,
        }


class BatchingConfig(_Said):
    """Triton's ModelDynamicBatching."""

    preferred_batch_size: list[Many] | None = None
    max_queue_delay_microseconds: Count | None = None
    priority_levels: Many | None = None
    default_priority_level: Many | None = None
    default_queue_policy: QueuePolicyConfig | None = None
    priority_queue_policy: dict[str, QueuePolicyConfig] | None = None

    def told(self) -> dict[str, object]:
        """What is said, in the words of a `BatchingSpec`."""
        said: dict[str, object] = {
            "priority_levels": self.priority_levels,
            "default_priority_level": self.default_priority_level,
        }
        if self.preferred_batch_size:
            said["preferred_batch_size"] = tuple(sorted({*self.preferred_batch_size}))
        if self.max_queue_delay_microseconds is not None:
            said["batch_wait_timeout_s"] = self.max_queue_delay_microseconds / US
        if self.default_queue_policy is not None:
            said["default_queue_policy"] = self.default_queue_policy.told()
        if self.priority_queue_policy is not None:
            levels = self.priority_queue_policy.items()
            said["priority_queue_policy"] = {n: one.told() for n, one in levels}
        return {key: value for key, value in said.items() if value is not None}


class LatestConfig(_Said):
    """Triton's ModelVersionPolicy.Latest."""

    num_versions: Many = 1


class SpecificConfig(_Said):
    """Triton's ModelVersionPolicy.Specific."""

    versions: list[Many] = Field(min_length=1)


class AllConfig(_Said):
    """Triton's ModelVersionPolicy.All."""


class VersionPolicyConfig(_Said):
    """Triton's ModelVersionPolicy."""

    latest: LatestConfig | None = None
    specific: SpecificConfig | None = None
    all: AllConfig | None = None

    def told(self) -> dict[str, object]:
        """The same in the words of a `VersionPolicySpec`."""
        latest, specific = self.latest, self.specific
        return {
            "latest": latest.num_versions if latest else None,
            "specific": tuple(specific.versions) if specific else None,
            "all": True if self.all else None,
        }


class ParameterConfig(_Said):
    """Triton's ModelParameter."""

    string_value: str


class ParametersConfig(_Said):
    """What may be said beside Triton's own words; `sha256` is of the file and fixed."""

    variant: ParameterConfig | None = None
    sha256: ParameterConfig | None = None


class TransactionConfig(_Said):
    """Triton's ModelTransactionPolicy: one answer a request."""

    decoupled: Literal[False] = False


class ModelConfig(_Said):
    """The parts of Triton's ModelConfig that a load may say.

    `name`, `platform`, `backend`, `input` and `output` are what they are; clients send
    them back as they read them.
    """

    name: str | None = None
    platform: str | None = None
    backend: str | None = None
    input: list[dict[str, Any]] | None = None
    output: list[dict[str, Any]] | None = None
    max_batch_size: Many | None = None
    dynamic_batching: BatchingConfig | None = None
    version_policy: VersionPolicyConfig | None = None
    parameters: ParametersConfig | None = None
    model_transaction_policy: TransactionConfig | None = None


def read_config(spec: ModelSpec, config: Mapping[str, object]) -> ModelConfig:
    """What a client said.

    Raises:
        InvalidInput: it holds a wrong type, an unknown key or something that is fixed.
    """
    try:
        said = ModelConfig.model_validate(config)
    except ValidationError as error:
        raise _refused(spec.id, error) from error
    if said.name not in (None, spec.id):
        raise InvalidInput(spec.id, f"name: must be '{spec.id}', got '{said.name}'")
    for key, tensors in (("input", spec.inputs), ("output", spec.outputs)):
        wanted = [(t.name, list(t.shape)) for t in tensors]
        told = getattr(said, key)
        if told is not None and wanted != [
            (t.get("name"), t.get("dims")) for t in told
        ]:
            raise InvalidInput(spec.id, f"{key}: is what the file of the model says")
    return said


def override(spec: ModelSpec, said: ModelConfig) -> ModelSpec:
    """`spec` with what was said put over it.

    Raises:
        InvalidInput: the whole makes no sense.
    """
    batching = said.dynamic_batching.told() if said.dynamic_batching else {}
    if said.max_batch_size is not None:
        batching["max_batch_size"] = said.max_batch_size
    told = spec.model_dump()
    told["batching"] = {**told["batching"], **batching}
    if said.version_policy is not None:
        told["version_policy"] = said.version_policy.told()
    if said.parameters is not None and said.parameters.variant is not None:
        told["variant"] = said.parameters.variant.string_value
    try:
        return ModelSpec.model_validate(told)
    except ValidationError as error:
        raise _refused(spec.id, error) from error


def _refused(model: str, error: ValidationError) -> InvalidInput:
    first = error.errors(include_url=False)[0]
    key = ".".join(str(part) for part in first["loc"])
    if first["type"] == "extra_forbidden":
        return InvalidInput(model, f"config of '{model}': {key}: unknown key")
    reason = f"{first['msg']}, got {first['input']!r}"
    return InvalidInput(model, f"config of '{model}': {key}: {reason}")

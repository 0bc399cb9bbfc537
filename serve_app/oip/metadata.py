"""What the server and its models say about themselves, the same on both protocols."""

from collections.abc import Sequence
from importlib.metadata import version

from configs.model import BatchingSpec, QueuePolicySpec
from configs.version_policy import VersionPolicySpec
from deployments.messages import Contract, TensorContract

SERVER = "headwater"
EXTENSIONS = (
    "binary_tensor_data",
    "classification",
    "model_configuration",
    "schedule_policy",
    "statistics",
    "model_repository",
    "model_repository(unload_dependents)",
    "parameters",
    "logging",
)
"""What of the protocol's extensions is offered, in the words of Triton."""

Json = dict[str, object]


def server_metadata() -> Json:
    """Name, version and protocol extensions of this server."""
    return {
        "name": SERVER,
        "version": version(SERVER),
        "extensions": list(EXTENSIONS),
    }


def model_metadata(contract: Contract, versions: Sequence[str]) -> Json:
    """Tensors of a model, and all its served versions."""
    return {
        "name": contract.name,
        "versions": list(versions),
        "platform": contract.platform,
        "inputs": _tensors(contract.inputs),
        "outputs": _tensors(contract.outputs),
        "properties": dict(contract.properties),
    }


def model_config(contract: Contract) -> Json:
    """The model's configuration, in the words of Triton's ModelConfig."""
    config: Json = {
        "name": contract.name,
        "platform": contract.platform,
        "version_policy": _versions(contract.version_policy),
        "max_batch_size": contract.max_batch_size,
        "input": [{**_config(t), "format": "FORMAT_NONE"} for t in contract.inputs],
        "output": [_config(tensor) for tensor in contract.outputs],
        "parameters": {
            name: {"string_value": value} for name, value in contract.properties.items()
        },
        "model_transaction_policy": {"decoupled": False},
    }
    if contract.members:
        config["ensemble_scheduling"] = {"step": _steps(contract.members)}
    else:
        config["dynamic_batching"] = _batching(contract)
    return config


def _tensors(tensors: Sequence[TensorContract]) -> list[Json]:
    return [
        {"name": t.name, "datatype": t.datatype, "shape": list(t.shape)}
        for t in tensors
    ]


def _config(tensor: TensorContract) -> Json:
    word = "STRING" if tensor.datatype == "BYTES" else tensor.datatype
    return {
        "name": tensor.name,
        "data_type": f"TYPE_{word}",
        "dims": list(tensor.shape[1:]),
    }


def _batching(contract: Contract) -> Json:
    batching = contract.batching or BatchingSpec()
    told: Json = {
        "preferred_batch_size": [
            contract.preferred_batch_size or contract.max_batch_size
        ],
        "max_queue_delay_microseconds": round(contract.batch_wait_timeout_s * 1e6),
        "default_queue_policy": _policy(contract, batching.default_queue_policy),
    }
    if contract.batching is not None:
        told["preferred_batch_size"] = list(batching.preferred_sizes)
        told["priority_levels"] = batching.priority_levels
        told["default_priority_level"] = batching.default_priority_level
        told["priority_queue_policy"] = {
            str(level): _policy(contract, policy)
            for level, policy in batching.priority_queue_policy.items()
        }
    return told


def _policy(contract: Contract, policy: QueuePolicySpec) -> Json:
    most = policy.max_queue_size or contract.max_queue_size
    return {
        "timeout_action": policy.timeout_action,
        "default_timeout_microseconds": policy.default_timeout_us or 0,
        "allow_timeout_override": policy.allow_timeout_override,
        "max_queue_size": min(most, contract.max_queue_size),
    }


def _versions(policy: VersionPolicySpec) -> Json:
    if policy.all:
        return {"all": {}}
    if policy.specific is not None:
        return {"specific": {"versions": list(policy.specific)}}
    return {"latest": {"num_versions": policy.latest or 1}}


def _steps(members: Sequence[str]) -> list[Json]:
    return [{"model_name": member, "model_version": -1} for member in members]

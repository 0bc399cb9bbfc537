"""What the server and its models say about themselves, the same on both protocols."""

from collections.abc import Sequence
from importlib.metadata import version

from configs.model import BatchingSpec
from deployments.messages import Contract, TensorContract

SERVER = "headwater"
EXTENSIONS = (
    "binary_tensor_data",
    "classification",
    "model_configuration",
    "schedule_policy",
)

Json = dict[str, object]


def server_metadata() -> Json:
    """Name, version and protocol extensions of this server."""
    return {
        "name": SERVER,
        "version": version(SERVER),
        "extensions": list(EXTENSIONS),
    }


def model_metadata(contract: Contract) -> Json:
    """Versions and tensors of a model."""
    return {
        "name": contract.name,
        "versions": [contract.version],
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
        "version_policy": {"latest": {"num_versions": 1}},
        "max_batch_size": contract.max_batch_size,
        "input": [{**_config(t), "format": "FORMAT_NONE"} for t in contract.inputs],
        "output": [_config(tensor) for tensor in contract.outputs],
        "parameters": {
            name: {"string_value": value} for name, value in contract.properties.items()
        },
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
    policy = batching.default_queue_policy
    most = policy.max_queue_size or contract.max_queue_size
    told: Json = {
        "preferred_batch_size": [
            contract.preferred_batch_size or contract.max_batch_size
        ],
        "max_queue_delay_microseconds": round(contract.batch_wait_timeout_s * 1e6),
        "default_queue_policy": {
            "timeout_action": policy.timeout_action,
            "default_timeout_microseconds": policy.default_timeout_us or 0,
            "allow_timeout_override": policy.allow_timeout_override,
            "max_queue_size": min(most, contract.max_queue_size),
        },
    }
    if contract.batching is not None:
        told["preferred_batch_size"] = list(batching.preferred_sizes)
        told["priority_levels"] = batching.priority_levels
        told["default_priority_level"] = batching.default_priority_level
    return told


def _steps(members: Sequence[str]) -> list[Json]:
    return [{"model_name": member, "model_version": -1} for member in members]

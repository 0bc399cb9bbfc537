"""What a stored variant was made from, as one hash: the same key, nothing to build."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from importlib import metadata

from configs.model import ModelSpec, VariantName

RECIPE = 3
"""Raised whenever the same inputs would be turned into something else."""

_SPEC_FIELDS = {
    "id", "version", "title", "licence", "weights", "architecture", "inputs", "outputs",
    "image", "calibration", "max_drop_points", "evaluation",
}  # fmt: skip
_TOOLS = ("onnx", "onnxruntime", "numpy", "pillow")
_EXPORT_TOOLS = ("torch", "onnxscript", "efficientnet-lite-pytorch")


def toolchain(spec: ModelSpec) -> Mapping[str, str]:
    """The versions of the libraries that make and measure a variant of `spec`."""
    exported = () if spec.architecture == "onnx" else _EXPORT_TOOLS
    return tool_versions((*_TOOLS, *exported))


def tool_versions(distributions: Iterable[str]) -> Mapping[str, str]:
    """The installed version of each, `none` for what is missing."""
    return {name: _version(name) for name in distributions}


def build_key(
    spec: ModelSpec, variant: VariantName, inputs: Mapping[str, object]
) -> str:
    """The key of one variant.

    Args:
        spec: the model; how it is batched and served does not count.
        variant: which form of it.
        inputs: hashes of what the spec only names (labels, datasets) and choices made
            for this machine.
    """
    said = spec.model_dump(mode="json", include=_SPEC_FIELDS)
    if variant == "fp32-onnx":
        del said["calibration"], said["max_drop_points"]
    return hash_of(
        {
            "recipe": RECIPE,
            "variant": variant,
            "spec": said,
            "inputs": inputs,
            "tools": toolchain(spec),
        }
    )


def hash_of(content: object) -> str:
    """The sha256 of `content` as canonical JSON."""
    text = json.dumps(content, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def _version(distribution: str) -> str:
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return "none"

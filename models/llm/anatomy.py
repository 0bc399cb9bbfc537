"""What a language model's folder holds, read from its files without running it."""

import json
import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

CONFIG = "config.json"
_SCHEMES = {
    "int-quantized": "W8A8",
    "pack-quantized": "W4A16",
    "float-quantized": "FP8",
}
_BYTES = {
    "F32": 4,
    "F16": 2,
    "BF16": 2,
    "I64": 8,
    "I32": 4,
    "I8": 1,
    "U8": 1,
    "F8_E4M3": 1,
}
NONE = "none"


@dataclass(frozen=True, slots=True)
class Folder:
    """One model: its scheme, the context it takes, and its tensors by data type."""

    scheme: str
    context_tokens: int
    tensors: Mapping[str, int]
    weights_bytes: int


class BadFolder(ValueError):
    """The folder is not what it says it is."""


def inspect(folder: Path) -> Folder:
    """Read the configuration and the heads of the safetensors.

    Raises:
        BadFolder: a file is missing, cut off, or does not hold what the scheme needs.
    """
    config = _json(folder / CONFIG)
    said = config.get("quantization_config")
    scheme = NONE if said is None else _scheme(folder, said)
    files = sorted(folder.glob("*.safetensors"))
    if not files:
        raise BadFolder(f"{folder} holds no safetensors")
    kinds: Counter[str] = Counter()
    for file in files:
        kinds.update(_kinds(file))
    _check(folder, scheme, kinds)
    context = int(config.get("max_position_embeddings", 0))
    size = sum(file.stat().st_size for file in files)
    return Folder(scheme, context, dict(sorted(kinds.items())), size)


def _scheme(folder: Path, said: Mapping[str, Any]) -> str:
    if said.get("quant_method") == "bitsandbytes":
        return "NF4" if said.get("bnb_4bit_quant_type") == "nf4" else "bitsandbytes"
    if said.get("format") not in _SCHEMES:
        raise BadFolder(
            f"{folder}/{CONFIG}: format {said.get('format')!r} is not known"
        )
    return _SCHEMES[said["format"]]


def _check(folder: Path, scheme: str, kinds: Mapping[str, int]) -> None:
    needed = {"W8A8": "I8", "W4A16": "I32", "FP8": "F8_E4M3", "NF4": "U8"}.get(scheme)
    if needed is not None and not kinds.get(needed):
        raise BadFolder(f"{folder} is of scheme {scheme} but holds no {needed} tensors")


def _kinds(file: Path) -> Counter[str]:
    """How many tensors of each type; each must lie inside the file."""
    size = file.stat().st_size
    with file.open("rb") as opened:
        length = int.from_bytes(opened.read(8), "little")
        if length > size - 8:
            raise BadFolder(f"{file} is cut off")
        try:
            head = json.loads(opened.read(length))
        except ValueError as error:
            raise BadFolder(f"{file} is not safetensors") from error
    kinds: Counter[str] = Counter()
    for name, tensor in head.items():
        if name == "__metadata__":
            continue
        begin, end = tensor["data_offsets"]
        kind = tensor["dtype"]
        wanted = math.prod(tensor["shape"]) * _BYTES.get(kind, 0)
        if 8 + length + end > size or (kind in _BYTES and end - begin != wanted):
            raise BadFolder(f"{file}: {name} is cut off")
        kinds[kind] += 1
    return kinds


def _json(file: Path) -> Mapping[str, Any]:
    try:
        content = json.loads(file.read_bytes())
    except OSError as error:
        raise BadFolder(f"{file}: {error.strerror or 'cannot be read'}") from error
    except ValueError as error:
        raise BadFolder(f"{file} is not JSON") from error
    if not isinstance(content, dict):
        raise BadFolder(f"{file} must hold an object")
    return content

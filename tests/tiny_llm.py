"""Folders that look like a language model's, without one."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

WIDTHS = {"BF16": 2, "I8": 1, "U8": 1, "I32": 4, "F8_E4M3": 1}


def write_safetensors(file: Path, tensors: Mapping[str, tuple[str, Sequence[int]]]):
    head, body = {"__metadata__": {"format": "pt"}}, b""
    said: dict[str, object] = dict(head)
    for name, (kind, shape) in tensors.items():
        count = WIDTHS[kind]
        for side in shape:
            count *= side
        place = [len(body), len(body) + count]
        said[name] = {"dtype": kind, "shape": shape, "data_offsets": place}
        body += bytes(count)
    text = json.dumps(said).encode()
    file.write_bytes(len(text).to_bytes(8, "little") + text + body)


def write_folder(
    folder: Path,
    tensors: Mapping[str, tuple[str, Sequence[int]]],
    quantization: Mapping[str, object] | None = None,
):
    """A configuration and one file of weights."""
    folder.mkdir(parents=True, exist_ok=True)
    config: dict[str, object] = {"max_position_embeddings": 64}
    if quantization is not None:
        config["quantization_config"] = quantization
    (folder / "config.json").write_text(json.dumps(config))
    write_safetensors(folder / "model.safetensors", tensors)

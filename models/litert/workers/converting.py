"""An exported torch program → a float .tflite; runs where litert-torch is."""

import os
from collections.abc import Mapping
from typing import Any

import torch


def answer(request: Mapping[str, Any], progress: Any) -> object:
    """Write `request["target"]` from `request["program"]` (`torch.export.save`, .pt2).

    Images are taken with their channels last where `request["channels_last"]`.
    """
    os.environ.setdefault("JAX_PLATFORMS", "cpu")
    torch.set_num_threads(1)
    import litert_torch

    program = torch.export.load(request["program"])
    network, (example, *_) = program.module(), program.example_inputs[0]
    progress("convert", 0, 1)
    if request["channels_last"]:
        network = litert_torch.to_channel_last_io(network, args=[0])
        example = example.permute(0, 2, 3, 1).contiguous()
    litert_torch.convert(network, (example,), strict_export=False).export(
        request["target"]
    )
    progress("convert", 1, 1)
    return {"input": list(example.shape)}

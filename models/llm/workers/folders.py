"""What every worker does with a model's folder: load it, finish it."""

import os
import shutil
from pathlib import Path
from typing import Any

KEPT = (
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "chat_template.jinja",
    "generation_config.json",
)
"""What a variant takes over from its source, byte for byte."""


def load(folder: str, datatype: str) -> Any:
    """The model of `folder`, ready to be asked; bf16 computes faster where CPUs have it."""
    import torch
    from transformers import AutoModelForCausalLM

    quiet()
    torch.set_num_threads(len(os.sched_getaffinity(0)))
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=datatype_of(datatype))
    return model.eval()


def datatype_of(name: str) -> Any:
    """The word of torch; `auto` is bf16 where this CPU multiplies it in hardware."""
    import torch

    if name == "auto":
        has_bf16 = bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())
        name = "bf16" if has_bf16 else "fp32"
    return {
        "bf16": torch.bfloat16,
        "fp16": torch.float16,
        "fp32": torch.float32,
    }[name]


def finish(source: str, target: str) -> None:
    """Give `target` the tokenizer of `source`."""
    for name in KEPT:
        kept = Path(source) / name
        if kept.is_file():
            shutil.copyfile(kept, Path(target) / name)
    readable(target)


def readable(target: str) -> None:
    """Take back what safetensors sets: a file for its owner alone."""
    for file in Path(target).rglob("*"):
        if file.is_file():
            file.chmod(0o644)


def quiet() -> None:
    """No progress bars of the library's own: ours are told through `progress`."""
    from transformers.utils import logging

    logging.set_verbosity_error()
    logging.disable_progress_bar()

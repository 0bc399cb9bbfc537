"""A GGUF file becomes a folder of safetensors, tokenizer and chat template."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from models.llm.workers.folders import datatype_of, quiet, readable
from models.progress import Progress


def answer(request: Mapping[str, Any], progress: Progress) -> Mapping[str, Any]:
    """Write `target` from `gguf`, in `datatype`."""
    from transformers import AutoModelForCausalLM, AutoTokenizer, GgufConfig

    quiet()
    file, target = Path(request["gguf"]), request["target"]
    progress("read GGUF", 0, 2)
    model = AutoModelForCausalLM.from_pretrained(
        file.parent,
        gguf_file=file.name,
        dtype=datatype_of(request["datatype"]),
        quantization_config=GgufConfig(dequantize=True),
    )
    _require_finite(model)
    tokenizer = AutoTokenizer.from_pretrained(file.parent, gguf_file=file.name)
    # The converter takes the wrong end from some files; the model's own is right.
    tokenizer.eos_token = tokenizer.convert_ids_to_tokens(model.config.eos_token_id)
    progress("write safetensors", 1, 2)
    model.save_pretrained(target)
    tokenizer.save_pretrained(target)
    readable(target)
    progress("write safetensors", 2, 2)
    return {
        "parameters": sum(one.numel() for one in model.parameters()),
        "layers": model.config.num_hidden_layers,
        "vocabulary": model.config.vocab_size,
        "context_tokens": model.config.max_position_embeddings,
    }


def _require_finite(model: Any) -> None:
    for name, weight in model.named_parameters():
        if not bool(weight.isfinite().all()):
            raise ValueError(f"{name} holds NaN or infinity; the source is broken")

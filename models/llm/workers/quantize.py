"""A model's folder becomes one in few bits, in the form that vLLM loads.

W8A8, W4A16 and FP8 are written by llm-compressor (compressed-tensors), NF4 by
bitsandbytes, whose form is for transformers.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from models.llm.workers.folders import finish, load, quiet
from models.llm.workers.tokens import tokens_of, windows
from models.progress import Progress

MAPPINGS = (
    (["re:.*q_proj", "re:.*k_proj", "re:.*v_proj"], "re:.*input_layernorm"),
    (["re:.*gate_proj", "re:.*up_proj"], "re:.*post_attention_layernorm"),
    (["re:.*down_proj"], "re:.*up_proj"),
)
"""Whose input SmoothQuant evens out, and where it puts the other half of the scale.

The last pair is not in its own table for Llama: what enters down_proj has outliers of a
thousand times the mean, and up_proj scales it channel by channel.
"""


def answer(request: Mapping[str, Any], progress: Progress) -> Mapping[str, Any]:
    """Write `target` from `source`; says what was quantized and how."""
    if request["scheme"] == "NF4":
        return _with_bitsandbytes(request, progress)
    return _with_compressor(request, progress)


def _with_compressor(request: Mapping[str, Any], progress: Progress) -> dict[str, Any]:
    import torch
    from llmcompressor import oneshot

    if request["method"] == "awq" and not torch.accelerator.is_available():
        raise ValueError("this llm-compressor makes awq on a GPU alone; use gptq")
    torch.manual_seed(request["seed"])
    source, target = request["source"], request["target"]
    model = load(source, "bf16")
    layers = _linear(model, request["ignore"])
    if request["scheme"] == "W4A16":
        _check_groups(layers, request["group_size"])
    options: dict[str, Any] = {"pipeline": "datafree"}
    samples: Sequence[Sequence[int]] = ()
    if _needs_samples(request):
        samples = _samples(request)
        options = _calibration(request, samples)
    progress(f"quantize {request['scheme']}", 0, 2)
    oneshot(model=model, recipe=_modifiers(request, list(layers)), **options)
    progress(f"quantize {request['scheme']}", 1, 2)
    model.save_pretrained(target, save_compressed=True)
    finish(source, target)
    progress(f"quantize {request['scheme']}", 2, 2)
    return {
        "quantized_layers": len(layers),
        "calibration_tokens": sum(len(sample) for sample in samples),
    }


def _with_bitsandbytes(
    request: Mapping[str, Any], progress: Progress
) -> dict[str, Any]:
    import torch
    from transformers import AutoModelForCausalLM, BitsAndBytesConfig

    quiet()
    progress("quantize NF4", 0, 1)
    config = BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=torch.bfloat16,
        llm_int8_skip_modules=list(request["ignore"]),
    )
    model = AutoModelForCausalLM.from_pretrained(
        request["source"], quantization_config=config, dtype=torch.bfloat16
    )
    model.save_pretrained(request["target"])
    finish(request["source"], request["target"])
    progress("quantize NF4", 1, 1)
    names = [name for name, part in model.named_modules() if _is_four_bit(part)]
    return {"quantized_layers": len(names), "calibration_tokens": 0}


def _is_four_bit(part: Any) -> bool:
    return type(part).__name__ == "Linear4bit"


def _modifiers(request: Mapping[str, Any], layers: Sequence[str]) -> list[Any]:
    from llmcompressor.modifiers.quantization import GPTQModifier, QuantizationModifier
    from llmcompressor.modifiers.transform.awq import AWQModifier
    from llmcompressor.modifiers.transform.smoothquant import SmoothQuantModifier

    said: dict[str, Any] = {"targets": "Linear", "ignore": list(request["ignore"])}
    if request["scheme"] == "W4A16":
        said = {"ignore": said["ignore"], "config_groups": _groups(request, layers)}
    else:
        said["scheme"] = "FP8_DYNAMIC" if request["scheme"] == "FP8" else "W8A8"
    before: list[Any] = []
    if request["scheme"] == "W8A8" and request["smoothing"]:
        before.append(
            SmoothQuantModifier(
                smoothing_strength=request["smoothing"], mappings=list(MAPPINGS)
            )
        )
    if request["method"] == "awq":
        before.append(AWQModifier())
    last = GPTQModifier if request["method"] == "gptq" else QuantizationModifier
    return [*before, last(**said)]


def _groups(request: Mapping[str, Any], layers: Sequence[str]) -> Mapping[str, Any]:
    """Four bits for `layers`, eight for those of `eight_bit`; each layer is of one group."""
    from compressed_tensors.quantization import QuantizationArgs, QuantizationScheme

    fine = [name for name in layers if _is_named(name, request["eight_bit"])]
    coarse = [name for name in layers if name not in set(fine)]
    if request["eight_bit"] and not fine:
        raise ValueError(f"eight_bit {list(request['eight_bit'])} names no layer")

    def group(bits: int, targets: Sequence[str]) -> Any:
        weights = QuantizationArgs(
            num_bits=bits,
            type="int",
            symmetric=request["symmetric"],
            strategy="group",
            group_size=request["group_size"],
        )
        return QuantizationScheme(targets=list(targets), weights=weights)

    if not fine:
        return {"group_0": group(4, ["Linear"])}
    return {"group_0": group(4, coarse), "group_1": group(8, fine)}


def _needs_samples(request: Mapping[str, Any]) -> bool:
    smoothed = request["scheme"] == "W8A8" and request["smoothing"] > 0
    return smoothed or request["method"] in ("gptq", "awq")


def _samples(request: Mapping[str, Any]) -> list[list[int]]:
    ids = tokens_of(request["source"], request["texts"])
    return windows(ids, request["sequence_tokens"], request["calibration_samples"])


def _calibration(
    request: Mapping[str, Any], samples: Sequence[Sequence[int]]
) -> dict[str, Any]:
    from datasets import Dataset

    rows = [[1] * len(sample) for sample in samples]
    # GPTQ and AWQ mend a layer knowing what the layers before it have become.
    layerwise = request["method"] in ("gptq", "awq")
    return {
        "dataset": Dataset.from_dict(
            {"input_ids": list(samples), "attention_mask": rows}
        ),
        "num_calibration_samples": len(samples),
        "max_seq_length": request["sequence_tokens"],
        "shuffle_calibration_samples": False,
        "pipeline": "sequential" if layerwise else "basic",
    }


def _linear(model: Any, ignore: Sequence[str]) -> Mapping[str, Any]:
    """The layers that are quantized, by name."""
    import torch

    return {
        name: part
        for name, part in model.named_modules()
        if isinstance(part, torch.nn.Linear) and not _is_named(name, ignore)
    }


def _is_named(name: str, words: Sequence[str]) -> bool:
    """Whether a word is the layer's name, or a pattern (`re:`) that its name begins with."""
    return any(
        re.match(word[3:], name) if word.startswith("re:") else name == word
        for word in words
    )


def _check_groups(layers: Mapping[str, Any], size: int) -> None:
    for name, layer in layers.items():
        if layer.in_features % size:
            fits = next(g for g in (128, 64, 32, 16, 1) if not layer.in_features % g)
            raise ValueError(
                f"group_size must divide the {layer.in_features} inputs of {name}, "
                f"got {size}; {fits} does"
            )

"""The environments of language models: one makes variants, one serves them.

Their libraries dispute each other's and ours (compressed-tensors, fastapi, transformers),
so each has every one of its pins in a file beside this module.
"""

from pathlib import Path

from models.environments import Tooling, pinned


def _pinned(name: str) -> Tooling:
    # torchvision is left out: what indexes offer does not fit this torch, and
    # transformers fails when it is there.
    return pinned(Path(__file__).parent / f"{name}.txt")


def compress() -> Tooling:
    """llm-compressor, peft, bitsandbytes and transformers on torch; 1.6 GB."""
    return _pinned("llm-compress")


def compressor_pins() -> tuple[str, ...]:
    """What a step that runs in `compress` depends on."""
    return compress().requirements


def serve() -> Tooling:
    """What serves on CPUs: vLLM; 3 GB, Python 3.11 and later."""
    return _pinned("llm-serve")

"""Published weights as a torch piece; importing this needs no torch."""

import json
from pathlib import Path

from configs.model import ModelSpec
from models.errors import BuildFailed
from models.recipes.pieces import ARCHITECTURE, WEIGHTS


def adopt(spec: ModelSpec, weights: Path, target: Path) -> None:
    """Write the weights of a published network, to be converted.

    They cannot be trained here: a step that trains refuses their architecture by name.

    Raises:
        BuildFailed: the architecture is none of the published ones.
    """
    if not spec.architecture.startswith("efficientnet-"):
        reason = (
            f"a network of architecture {spec.architecture} has no torch form here;"
        )
        reason += (
            " start from `architecture: residual` or `separable`, or from a recipe"
        )
        raise BuildFailed(spec.id, "source", reason)
    import torch
    from safetensors.torch import save_file

    state = torch.load(weights, map_location="cpu", weights_only=True)
    plain = {name: value.contiguous() for name, value in state.items()}
    save_file(plain, target / WEIGHTS)
    said: dict[str, object] = {"name": spec.architecture, "options": {}}
    text = json.dumps(said, indent=2, sort_keys=True) + "\n"
    (target / ARCHITECTURE).write_text(text, encoding="utf-8")

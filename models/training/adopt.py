"""Published weights as something to train; importing this needs no torch."""

from pathlib import Path

from configs.model import ModelSpec
from models.errors import BuildFailed


def adopt(spec: ModelSpec, weights: Path, target: Path) -> None:
    """Refuse: none of the published networks can be trained here yet.

    Raises:
        BuildFailed: with what a recipe can start from instead.
    """
    reason = f"a network of architecture {spec.architecture} cannot be trained here;"
    reason += " start from `architecture: residual` or `separable`, or from a recipe"
    raise BuildFailed(spec.id, "source", reason)

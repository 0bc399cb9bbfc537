"""Torch pieces as exported programs, which other environments read; imports torch."""

import json
import warnings
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import nn

from models.recipes.bench import Bench
from models.recipes.pieces import Piece
from models.training import session
from models.training.folding import folded

PUBLISHED = "efficientnet-"


def write_program(
    bench: Bench, source: Piece | None, shape: tuple[int, ...], target: Path
) -> None:
    """Write the network of `source`, called with [1, *shape], to `target` (.pt2).

    Raises:
        BuildFailed: it is no torch piece, or a damaged one.
    """
    network = _network(bench, source)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the exporter's own deprecations
        program = torch.export.export(network, (torch.zeros(1, *shape),))
        torch.export.save(program, target)


def _network(bench: Bench, source: Piece | None) -> nn.Module:
    """What is served, its normalisations folded where we know how."""
    if source is not None and source.is_torch:
        said = json.loads(source.architecture.read_text(encoding="utf-8"))
        if str(said.get("name")).startswith(PUBLISHED):
            from models.efficientnet import from_state

            return from_state(said["name"], load_file(source.weights))
    return folded(session.source_network(bench, source).module)

"""Torch pieces as exported programs, which other environments read; imports torch."""

import json
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import numpy as np
import torch
from safetensors.torch import load_file
from torch import nn

from models.evaluate import Floats
from models.recipes.bench import Bench
from models.recipes.pieces import Piece
from models.training import session
from models.training.architectures import Classifier
from models.training.folding import folded

PUBLISHED = "efficientnet-"
ROWS = 3


class Pooled(nn.Module):
    """A classifier whose mean over pixels is a pooling.

    The converter leaves a pooling in the layout of devices; for a mean over the last two
    dimensions it turns the image around first, and the Edge TPU maps neither then.
    """

    def __init__(self, network: Classifier) -> None:
        super().__init__()
        self.network = network

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """The logits of `images`."""
        features = self.network.features(images)
        pooled = nn.functional.adaptive_avg_pool2d(features, 1).flatten(1)
        return cast("torch.Tensor", self.network.head(pooled))


@dataclass(frozen=True, slots=True)
class Example:
    """Noise [n, …] with channels first, and the logits [n, classes] of it."""

    rows: Floats
    logits: Floats


def write_program(
    bench: Bench, source: Piece | None, shape: tuple[int, ...], target: Path
) -> Example:
    """Write the network of `source`, called with [1, *shape], to `target` (.pt2).

    Returns:
        What the network answers, for whoever converts it to be held to.

    Raises:
        BuildFailed: it is no torch piece, or a damaged one.
    """
    network = _plain(_network(bench, source))
    rows = np.random.default_rng(bench.seed).uniform(-1, 1, (ROWS, *shape))
    images = torch.from_numpy(rows.astype(np.float32))
    with torch.no_grad():
        logits = network(images).numpy()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the exporter's own deprecations
        program = torch.export.export(network, (torch.zeros(1, *shape),))
        torch.export.save(program, target)
    return Example(images.numpy(), logits)


def _plain(network: nn.Module) -> nn.Module:
    """Every weight in a memory of its own, row by row.

    Torch 2.13 writes weights that are laid out channel by channel into an archive as
    those of a neighbour, without a word.
    """
    with torch.no_grad():
        for weight in (*network.parameters(), *network.buffers()):
            weight.data = weight.detach().clone(memory_format=torch.contiguous_format)
    return network.eval()


def _network(bench: Bench, source: Piece | None) -> nn.Module:
    """What is served, its normalisations folded where we know how."""
    if source is not None and source.is_torch:
        said = json.loads(source.architecture.read_text(encoding="utf-8"))
        if str(said.get("name")).startswith(PUBLISHED):
            from models.efficientnet import from_state

            return from_state(said["name"], load_file(source.weights))
    return Pooled(folded(session.source_network(bench, source).module)).eval()

"""Torch pieces on disk: safetensors and the architecture; importing this imports torch."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from models.errors import BuildFailed
from models.recipes.pieces import ARCHITECTURE, WEIGHTS, Piece
from models.training.architectures import Classifier, full_options, make, options_of


@dataclass(frozen=True, slots=True)
class Network:
    """A classifier and what it is made from."""

    module: Classifier
    name: str
    options: Mapping[str, object]


def fresh(recipe: str, name: str, options: Mapping[str, object], seed: int) -> Network:
    """An untrained network.

    Raises:
        BuildFailed: there is no such architecture or option.
    """
    try:
        return Network(make(name, options, seed), name, full_options(name, options))
    except ValueError as error:
        raise BuildFailed(recipe, "architecture", str(error)) from error


def load(recipe: str, piece: Piece) -> Network:
    """The network of a torch piece, as it runs when served.

    Raises:
        BuildFailed: it cannot be read, its weights do not fit or are no numbers.
    """
    try:
        said = json.loads(piece.architecture.read_text(encoding="utf-8"))
        network = Network(make(said["name"], said["options"], 0), **said)
        network.module.load_state_dict(load_file(piece.weights))
    except (
        OSError, ValueError, KeyError, TypeError, RuntimeError, SafetensorError
    ) as error:  # fmt: skip
        reason = f"{piece.folder.name} is no torch piece of ours: {_first(error)}"
        raise BuildFailed(recipe, "weights", reason) from error
    for name, value in network.module.state_dict().items():
        if not torch.isfinite(value).all():
            raise BuildFailed(recipe, "weights", f"{name} holds NaN or infinity")
    network.module.eval()
    return network


def save(network: Network, folder: Path) -> None:
    """Write `network` with the widths that it has by now."""
    options = options_of(network.name, network.module, network.options)
    said = {"name": network.name, "options": options}
    text = json.dumps(said, indent=2, sort_keys=True) + "\n"
    (folder / ARCHITECTURE).write_text(text, encoding="utf-8")
    plain = {
        name: value.contiguous() for name, value in network.module.state_dict().items()
    }
    save_file(plain, folder / WEIGHTS)


def _first(error: BaseException) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]

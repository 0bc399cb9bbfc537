"""Published weights as torch pieces."""

import json

import pytest
import torch
from safetensors.torch import load_file

from configs.catalogue import load_catalogue, packaged_catalogue
from models.errors import BuildFailed
from models.recipes.pieces import Piece
from models.training.adopt import adopt

MODELS = load_catalogue(packaged_catalogue()).models


def test_published_weights_become_a_torch_piece(tmp_path):
    state = {"kernel": torch.arange(6.0).reshape(2, 3).T, "count": torch.tensor(3)}
    torch.save(state, tmp_path / "weights.pth")

    adopt(MODELS["efficientnet-lite0"], tmp_path / "weights.pth", tmp_path)

    piece = Piece(tmp_path)
    held = load_file(piece.weights)
    assert json.loads(piece.architecture.read_text())["name"] == "efficientnet-lite0"
    assert all(torch.equal(held[name], value) for name, value in state.items())


def test_network_of_no_published_architecture_is_refused(tmp_path):
    with pytest.raises(BuildFailed, match="has no torch form here"):
        adopt(MODELS["fashion-mnist"], tmp_path / "weights.pth", tmp_path)

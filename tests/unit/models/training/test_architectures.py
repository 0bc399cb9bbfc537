"""The networks that a recipe may train."""

import pytest
import torch

from models.training.architectures import ARCHITECTURES, full_options, make, options_of
from models.training.folding import folded


@pytest.mark.parametrize("name", sorted(ARCHITECTURES))
def test_same_seed_gives_the_same_network_whatever_was_drawn_before(name):
    first = make(name, {}, 3)
    torch.rand(5)
    second, other = make(name, {}, 3), make(name, {}, 4)

    held = zip(first.parameters(), second.parameters(), strict=True)
    assert all(torch.equal(one, two) for one, two in held)
    assert not torch.equal(first.head.weight, other.head.weight)


@pytest.mark.parametrize("name", sorted(ARCHITECTURES))
def test_options_can_be_read_back_from_the_layers(name):
    options = full_options(name, {"classes": 4})

    assert options_of(name, make(name, options, 0), options) == options


@pytest.mark.parametrize(
    ("name", "options", "reason"),
    [
        ("transformer", {}, "architecture must be of .*'residual'.*got 'transformer'"),
        ("residual", {"blocks": "1:1"}, r"takes the options .*got \['blocks'\]"),
        ("residual", {"stages": "48:48"}, "stages must be rows of 3 whole numbers"),
        ("separable", {"blocks": "wide"}, "blocks must be rows of 2 .*got 'wide'"),
        ("separable", {"blocks": "8:0"}, "blocks must be rows of 2"),
        ("separable", {"stem": 0}, "stem must be a whole number from 1, got 0"),
    ],
)
def test_what_makes_no_sense_is_refused(name, options, reason):
    with pytest.raises(ValueError, match=reason):
        make(name, options, 0)


@pytest.mark.parametrize("name", sorted(ARCHITECTURES))
def test_folded_network_computes_the_same_without_normalisations(name):
    network, images = make(name, {}, 0), torch.rand(2, 3, 28, 28)
    network(images)  # moves the running means away from zero

    twin = folded(network)

    with torch.no_grad():
        apart = (twin(images) - network.eval()(images)).abs().max()
    assert apart < 1e-4
    assert not [one for one in twin.modules() if isinstance(one, torch.nn.BatchNorm2d)]

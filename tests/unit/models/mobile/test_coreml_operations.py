"""What the operations of a Core ML program compute, beside torch's own layers."""

import numpy as np
import pytest
import torch
from torch import nn

from models.mobile.workers.coreml_operations import OPERATIONS

torch.manual_seed(0)
IMAGES = torch.randn(1, 4, 9, 9)


def worked_out(word, **given):
    return OPERATIONS[word](given)


@pytest.mark.parametrize(("stride", "groups"), [(1, 1), (2, 1), (1, 4)])
def test_convolution_pads_each_side_as_the_program_says(stride, groups):
    layer = nn.Conv2d(4, 8, 3, stride, groups=groups)
    padded = nn.functional.pad(IMAGES, (1, 2, 0, 1))

    found = worked_out(
        "conv", x=IMAGES, weight=layer.weight, bias=layer.bias, pad_type="custom",
        pad=np.array([0, 1, 1, 2]), strides=np.array([stride] * 2),
        dilations=np.array([1, 1]), groups=np.int32(groups),
    )  # fmt: skip

    torch.testing.assert_close(found, layer(padded))


def test_convolution_with_a_padding_that_is_not_known_is_an_error():
    with pytest.raises(ValueError, match="padding of type same"):
        worked_out("conv", x=IMAGES, pad_type="same")


def test_padding_goes_from_the_first_dimension_to_the_last():
    found = worked_out(
        "pad", x=IMAGES, pad=np.array([0, 0, 0, 0, 1, 2, 3, 4]), mode="constant",
        constant_val=5.0,
    )  # fmt: skip

    torch.testing.assert_close(
        found, nn.functional.pad(IMAGES, (3, 4, 1, 2), value=5.0)
    )


def test_full_layer_multiplies_by_rows():
    layer, rows = nn.Linear(4, 3), torch.randn(2, 4)

    found = worked_out("linear", x=rows, weight=layer.weight, bias=layer.bias)

    torch.testing.assert_close(found, layer(rows))


def test_mean_keeps_its_dimensions_where_it_is_told():
    found = [
        worked_out("reduce_mean", x=IMAGES, axes=np.array([2, 3]), keep_dims=keep)
        for keep in (True, False)
    ]

    torch.testing.assert_close(found[0], IMAGES.mean((2, 3), keepdim=True))
    torch.testing.assert_close(found[1], IMAGES.mean((2, 3)))


@pytest.mark.parametrize(
    ("word", "given", "wanted"),
    [
        ("clip", {"alpha": 0.0, "beta": 6.0}, nn.functional.relu6(IMAGES)),
        ("relu6", {}, nn.functional.relu6(IMAGES)),
        ("relu", {}, nn.functional.relu(IMAGES)),
        ("add", {"y": IMAGES}, 2 * IMAGES),
        ("sub", {"y": IMAGES}, 0 * IMAGES),
        ("mul", {"y": 0.5}, IMAGES / 2),
        ("reshape", {"shape": np.array([4, -1])}, IMAGES.reshape(4, -1)),
        ("cast", {}, IMAGES),
    ],
)
def test_operation_is_that_of_torch(word, given, wanted):
    torch.testing.assert_close(worked_out(word, x=IMAGES, **given), wanted)

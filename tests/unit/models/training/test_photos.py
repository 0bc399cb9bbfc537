"""Varied views of training photos."""

import pytest
import torch
from torch.nn import functional

from configs.augmentation import AugmentationSpec
from configs.model import ImageSpec
from models.training.photos import Photos, View

EVERYTHING = AugmentationSpec(
    flip=True, shift_px=2, zoom=0.3, brightness=0.2, noise=0.1, mixup=0.4
)
ROWS = torch.arange(12)


@pytest.fixture
def photos() -> Photos:
    draw = torch.Generator().manual_seed(0)
    crops = torch.randint(0, 256, (12, 6, 6, 3), dtype=torch.uint8, generator=draw)
    return Photos(crops, torch.arange(12) % 3, ImageSpec(size_px=6))


def test_row_looks_the_same_in_whatever_batch_it_is_asked_for(photos):
    view = View(photos, EVERYTHING, seed=1, index=0)
    turned = ROWS.flip(0)

    assert torch.equal(view.inputs(turned).flip(0), view.inputs(ROWS))


def test_views_differ_by_seed_and_by_index(photos):
    seen = [
        View(photos, EVERYTHING, seed, index).inputs(ROWS)
        for seed, index in ((1, 0), (1, 1), (2, 0))
    ]

    assert not torch.equal(seen[0], seen[1])
    assert not torch.equal(seen[0], seen[2])


def test_view_without_variation_is_the_photos(photos):
    view = View(photos, AugmentationSpec(), 0, 0)

    assert torch.equal(view.inputs(ROWS), photos.inputs(ROWS))
    assert photos.inputs(ROWS)[0, 2, 1, 0] == (photos.crops[0, 1, 0, 2] - 127.0) / 128


def test_shift_moves_by_at_most_so_many_pixels(photos):
    crops = torch.zeros_like(photos.crops)
    crops[:, 3, 3] = 255
    spots = Photos(crops, photos.labels, photos.image)

    seen = View(spots, AugmentationSpec(shift_px=1), 0, 0).inputs(ROWS)[:, 0]

    places = {(int(y), int(x)) for _, y, x in (seen > 0).nonzero()}
    assert places <= {(y, x) for y in (2, 3, 4) for x in (2, 3, 4)}
    assert len(places) > 1


def test_zoom_stretches_height_and_width_each_for_itself():
    crops = torch.zeros(40, 20, 20, 3, dtype=torch.uint8)
    crops[:, 6:14, 6:14] = 255
    squares = Photos(crops, torch.zeros(40), ImageSpec(size_px=20))

    seen = View(squares, AugmentationSpec(zoom=0.5), 0, 0).inputs(torch.arange(40))

    lit = seen[:, 0] > 0
    heights, widths = lit.any(2).sum(1), lit.any(1).sum(1)
    assert (heights.min() >= 4) & (heights.max() <= 12)
    assert not torch.equal(heights, widths)
    assert abs(float(heights.float().mean()) - 8) < 1


def test_key_of_what_was_made_without_zoom_is_what_it_was():
    plain = AugmentationSpec(shift_px=1).model_dump(mode="json")

    assert set(plain) == {"flip", "shift_px", "brightness", "noise", "mixup"}
    assert AugmentationSpec(zoom=0.1).model_dump(mode="json")["zoom"] == 0.1


def ramp(side):
    """Twelve times one picture that grows darker to all sides, at any even size."""
    line = (torch.arange(side) + 0.5) * 120 / side
    picture = (line[:, None] + line[None, :]).round().to(torch.uint8)
    crops = picture[None, :, :, None].expand(12, side, side, 3).contiguous()
    return Photos(crops, torch.arange(12) % 3, ImageSpec(size_px=side))


def test_photo_of_another_size_is_the_same_picture_in_a_view():
    small, large = ramp(6), ramp(12)
    own = View(small, EVERYTHING, 1, 0).inputs(ROWS)

    theirs = View(large, EVERYTHING, 1, 0, like=small.image).inputs(ROWS)

    assert theirs.shape[2:] == (12, 12)
    assert (functional.avg_pool2d(theirs, 2) - own).abs().max() < 0.1
    alone = View(large, EVERYTHING, 1, 0).inputs(ROWS)
    assert (functional.avg_pool2d(alone, 2) - own).abs().max() > 0.2


@pytest.mark.parametrize("side", [12, 3])
def test_move_is_as_many_pixels_as_the_size_asks_for(side):
    crops = torch.zeros(12, 12, 12, 3, dtype=torch.uint8)
    crops[:, 4:8, 4:8] = 255
    every = 12 // side
    spots = Photos(crops[:, ::every, ::every], torch.zeros(12), ImageSpec(size_px=side))
    half = Photos(crops[:, ::2, ::2], torch.zeros(12), ImageSpec(size_px=6))
    drawn = AugmentationSpec(shift_px=2)

    own = View(half, drawn, 0, 0).inputs(ROWS)[:, 0] > 0
    theirs = View(spots, drawn, 0, 0, like=half.image).inputs(ROWS)[:, 0] > 0

    for first, other in zip(own, theirs, strict=True):
        where = first.nonzero().float().mean(0) + 0.5
        there = other.nonzero().float().mean(0) + 0.5
        assert (there * 6 / side - where).abs().max() <= 6 / side / 2


def test_loss_of_mixed_photos_asks_for_both_labels(photos):
    view = View(photos, AugmentationSpec(mixup=1.0), 0, 0)
    plain = View(photos, AugmentationSpec(), 0, 0)
    sure = torch.nn.functional.one_hot(photos.labels, 3) * 9.0

    assert view.loss(sure, ROWS) > plain.loss(sure, ROWS) + 1

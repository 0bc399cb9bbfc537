"""Labelled photos as tensors, and their varied views; importing this imports torch.

A view is drawn from (seed, index) alone, row by row, so it does not depend on the order
in which batches ask: a teacher's answers to a view can be kept, and a student that asks
later sees the same pixels.
"""

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch.nn import functional

from configs.augmentation import AugmentationSpec
from configs.model import FrontEnd

NOISE_FIELDS = 64


@dataclass(frozen=True, slots=True)
class Unlabelled:
    """Crops UINT8 [n, h, w, c] of whatever it may be."""

    crops: torch.Tensor
    image: FrontEnd

    def __len__(self) -> int:
        return len(self.crops)

    def inputs(self, rows: torch.Tensor) -> torch.Tensor:
        """What a network gets for `rows`: FP32 [rows, c, h, w], channels last in memory."""
        scaled = (self.crops[rows].float() - self.image.mean) / self.image.std
        return scaled.permute(0, 3, 1, 2)


@dataclass(frozen=True, slots=True)
class Photos:
    """Crops UINT8 [n, h, w, c] and the class of each."""

    crops: torch.Tensor
    labels: torch.Tensor
    image: FrontEnd

    def __len__(self) -> int:
        return len(self.labels)

    def inputs(self, rows: torch.Tensor) -> torch.Tensor:
        """As of those without labels."""
        return Unlabelled(self.crops, self.image).inputs(rows)

    def only(self, rows: torch.Tensor) -> "Photos":
        """Some of them."""
        return Photos(self.crops[rows], self.labels[rows], self.image)


class View:
    """Every photo, varied once as `spec` says.

    `like`: whose pixels `spec` counts in; None: those of `photos`. At another size moves
    are scaled, and noise is repeated or left out pixel by pixel: the picture is the same.
    """

    def __init__(
        self,
        photos: Photos,
        spec: AugmentationSpec,
        seed: int,
        index: int,
        like: FrontEnd | None = None,
    ) -> None:
        self.seed, self.index = seed, index
        draw, n = np.random.default_rng([seed, index]), len(photos)
        self._photos, self._spec = photos, spec
        self._flip = torch.from_numpy(draw.random(n) < 0.5)
        height, width, channels = (like or photos.image).shape
        own = photos.image.shape[:2]
        moves = draw.integers(0, 2 * spec.shift_px + 1, (n, 2)) - spec.shift_px
        ratios = np.array([own[0] / height, own[1] / width])
        self._shift = torch.from_numpy(np.rint(moves * ratios).astype(np.int64))
        self._reach = math.ceil(spec.shift_px * ratios.max())
        scale = draw.uniform(1 - spec.brightness, 1 + spec.brightness, (n, 1, 1, 1))
        self._scale = torch.from_numpy(scale).float()
        self._field = torch.from_numpy(draw.integers(0, NOISE_FIELDS, n))
        self._partner = torch.from_numpy(draw.permutation(n))
        share = draw.beta(spec.mixup, spec.mixup, n) if spec.mixup else np.ones(n)
        self._share = torch.from_numpy(share).float()
        fields = draw.standard_normal(
            (NOISE_FIELDS if spec.noise else 0, channels, height, width)
        )
        noise = torch.from_numpy(fields).float() * spec.noise
        self._noise = functional.interpolate(noise, own) if spec.noise else noise
        stretch = draw.uniform(1 - spec.zoom, 1 + spec.zoom, (n if spec.zoom else 0, 2))
        self._stretch = torch.from_numpy(stretch).float()

    def __len__(self) -> int:
        return len(self._photos)

    def inputs(self, rows: torch.Tensor) -> torch.Tensor:
        """FP32 [rows, c, h, w]."""
        own = self._varied(rows)
        if not self._spec.mixup:
            return own
        share = self._share[rows][:, None, None, None]
        return share * own + (1 - share) * self._varied(self._partner[rows])

    def loss(self, logits: torch.Tensor, rows: torch.Tensor) -> torch.Tensor:
        """The mean cross entropy against the labels, or those that were mixed."""
        labels = self._photos.labels
        own = functional.cross_entropy(logits, labels[rows], reduction="none")
        if not self._spec.mixup:
            return own.mean()
        other = labels[self._partner[rows]]
        theirs = functional.cross_entropy(logits, other, reduction="none")
        share = self._share[rows]
        return (share * own + (1 - share) * theirs).mean()

    def _varied(self, rows: torch.Tensor) -> torch.Tensor:
        spec, images = self._spec, self._photos.inputs(rows)
        if spec.flip:
            flips = self._flip[rows][:, None, None, None]
            images = torch.where(flips, images.flip(3), images)
        if spec.zoom:
            images = _stretched(images, self._stretch[rows])
        if spec.shift_px:
            images = _shifted(images, self._shift[rows], self._reach)
        if spec.brightness:
            images = images * self._scale[rows]
        if spec.noise:
            images = images + self._noise[self._field[rows]]
        return images.contiguous(memory_format=torch.channels_last)


def _stretched(images: torch.Tensor, by: torch.Tensor) -> torch.Tensor:
    """Each image stretched from its upper left corner; its border is repeated.

    Of a recording that is its start and its lowest pitch: who has a shorter throat has
    all pitches higher by one factor (Jaitly and Hinton 2013).
    """
    grid, step = torch.zeros(len(images), 2, 3), 1 / by.flip(1)
    grid[:, 0, 0], grid[:, 1, 1] = step[:, 0], step[:, 1]
    grid[:, :, 2] = step - 1
    places = functional.affine_grid(grid, list(images.shape), align_corners=False)
    return functional.grid_sample(
        images, places, padding_mode="border", align_corners=False
    )


def _shifted(images: torch.Tensor, by: torch.Tensor, reach: int) -> torch.Tensor:
    """Each image moved within `reach`; what comes in is its border, repeated."""
    height, width = images.shape[2:]
    padded = functional.pad(images, (reach,) * 4, mode="replicate")
    down = reach + by[:, :1] + torch.arange(height)
    right = reach + by[:, 1:] + torch.arange(width)
    every = torch.arange(len(images))[:, None, None]
    moved = padded.permute(0, 2, 3, 1)[every, down[:, :, None], right[:, None, :]]
    return moved.permute(0, 3, 1, 2)

import math

import pytest

from configs.audio import AudioSpec
from models.audio.tables import (
    WAVE_ONE,
    WEIGHT_BITS,
    WINDOW_ONE,
    hann,
    mantissas,
    tables,
    triangles,
)

SPECS = [
    AudioSpec(),
    AudioSpec(
        rate_hz=8000, samples=8000, frame_samples=256, hop_samples=160, high_hz=3800
    ),
    AudioSpec(frame_samples=1024, bands=128),
]


def from_the_middle(values):
    """How far the nearest of `values` is from lying between two whole numbers."""
    return min(abs(value - math.floor(value) - 0.5) for value in values)


@pytest.mark.parametrize("spec", SPECS, ids=["16-khz", "8-khz", "fine"])
def test_no_number_depends_on_how_a_library_rounds_its_last_digits(spec):
    size = spec.frame_samples
    waves = [math.cos(2 * math.pi * k / size) for k in range(size // 2)]
    weights = [2**WEIGHT_BITS * one for row in triangles(spec) for one in row]

    assert from_the_middle(WINDOW_ONE * one for one in hann(size)) > 1e-7
    assert from_the_middle(WAVE_ONE * one for one in waves) > 1e-7
    assert from_the_middle(weights) > 1e-7
    steps = mantissas(spec.steps_per_octave)
    assert min(abs(one - round(one)) for one in steps) > 1e-4


@pytest.mark.parametrize("spec", SPECS, ids=["16-khz", "8-khz", "fine"])
def test_every_band_hears_something_and_16_bits_hold_it(spec):
    made = tables(spec)

    sums = [
        sum(made.weights[start:stop])
        for start, stop in zip(made.starts, made.starts[1:], strict=False)
    ]

    assert len(sums) == spec.bands
    assert min(sums) > 0
    assert max(made.weights) <= 2**WEIGHT_BITS
    assert max(made.window) < 2**15


def test_band_narrower_than_a_bin_takes_the_nearest():
    made = tables(AudioSpec(rate_hz=8000, frame_samples=64, bands=64, high_hz=3800))

    assert len(made.first_bins) == 64
    assert min(made.weights) > 0

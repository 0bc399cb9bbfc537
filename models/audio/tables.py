"""The whole numbers that the front end multiplies by. Pure.

They are made from cosines and logarithms once, here; a device gets the numbers and
computes none of its own, because its library may round another way. None of them lies
near the middle between two whole numbers (a test holds that), so every library that is
right to nine digits gives these.
"""

import math
from dataclasses import dataclass

from configs.audio import AudioSpec

WAVE_BITS, WEIGHT_BITS, MANTISSA_BITS = 15, 12, 31
"""Fractional bits of cosines and windows, and of mel weights; the place of a leading one."""
WAVE_ONE, WINDOW_ONE = 2**WAVE_BITS - 1, 2**WAVE_BITS - 2
"""What 16 bits hold of 1; of the window even, so that its half is whole as well."""


@dataclass(frozen=True, slots=True)
class Tables:
    """All of one front end.

    `window` [frame], `cosines` and `sines` [frame / 2]. The mel weights of band b are
    `weights[starts[b] : starts[b + 1]]`, of the bins from `first_bins[b]`. `steps`: the
    mantissas at which the logarithm takes its next step.
    """

    window: tuple[int, ...]
    cosines: tuple[int, ...]
    sines: tuple[int, ...]
    first_bins: tuple[int, ...]
    starts: tuple[int, ...]
    weights: tuple[int, ...]
    steps: tuple[int, ...]


def tables(spec: AudioSpec) -> Tables:
    """Those of `spec`."""
    size, bands = spec.frame_samples, _bands(spec)
    turns, starts = [2 * math.pi * k / size for k in range(size // 2)], [0]
    for _, weights in bands:
        starts.append(starts[-1] + len(weights))
    return Tables(
        window=tuple(round(WINDOW_ONE * one) for one in hann(size)),
        cosines=tuple(round(WAVE_ONE * math.cos(one)) for one in turns),
        sines=tuple(round(WAVE_ONE * math.sin(one)) for one in turns),
        first_bins=tuple(first for first, _ in bands),
        starts=tuple(starts),
        weights=tuple(round(one) for _, weights in bands for one in weights),
        steps=tuple(map(math.ceil, mantissas(spec.steps_per_octave))),
    )


def hann(size: int) -> list[float]:
    """The periodic Hann window."""
    return [0.5 - 0.5 * math.cos(2 * math.pi * n / size) for n in range(size)]


def mantissas(steps: int) -> list[float]:
    """Where in an octave, from 2**31 to 2**32, a rounded logarithm steps up."""
    return [2.0 ** (MANTISSA_BITS + (k - 0.5) / steps) for k in range(1, steps + 1)]


def triangles(spec: AudioSpec) -> list[list[float]]:
    """The weight of each bin in each band, [bands, bins]."""
    low, high = _mel(spec.low_hz), _mel(spec.high_hz)
    edges = [low + (high - low) * n / (spec.bands + 1) for n in range(spec.bands + 2)]
    width = spec.rate_hz / spec.frame_samples
    bins = [_mel(number * width) for number in range(spec.frame_samples // 2 + 1)]
    return [
        [
            max(0.0, min((at - left) / (peak - left), (right - at) / (right - peak)))
            for at in bins
        ]
        for left, peak, right in zip(edges, edges[1:], edges[2:], strict=False)
    ]


def _bands(spec: AudioSpec) -> list[tuple[int, list[float]]]:
    """Of each band: its first bin, and the weights from there to its last."""
    found = []
    for row in triangles(spec):
        scaled = [2**WEIGHT_BITS * one for one in row]
        some = [number for number, one in enumerate(scaled) if round(one)]
        if not some:  # narrower than a bin: all of the nearest
            some = [max(range(len(row)), key=row.__getitem__)]
            scaled[some[0]] = float(2**WEIGHT_BITS)
        found.append((some[0], scaled[some[0] : some[-1] + 1]))
    return found


def _mel(hertz: float) -> float:
    """O'Shaughnessy's scale."""
    return 2595.0 * math.log10(1.0 + hertz / 700.0)

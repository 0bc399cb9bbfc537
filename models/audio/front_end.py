"""PCM → log-mel pictures, in whole numbers only: the same bits everywhere. Pure.

Of every frame: windowed samples, a transform of radix 2 in 32 bits, power and mel sums in
64, a logarithm that counts steps. Products are rounded to the nearest (half up), never
cut off. The largest number of each stage is told where it arises; all fit their type for
every input. `front_end.c` says the same in C.
"""

from functools import lru_cache
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from configs.audio import AudioSpec
from models.audio.tables import MANTISSA_BITS, WAVE_BITS, Tables, tables

Pcm: TypeAlias = NDArray[np.int16]
Wide: TypeAlias = NDArray[np.int64]
Pictures: TypeAlias = NDArray[np.uint8]

CHUNK = 64
"""Recordings at a time: the frames of one in 64-bit numbers take 200 KB and more."""
BRIGHTEST = 255


def log_mel(pcm: Pcm, spec: AudioSpec) -> Pictures:
    """The picture of each recording.

    Args:
        pcm: [n, samples].
        spec: of the front end.

    Returns:
        [n, frames, bands, 1].

    Raises:
        ValueError: the recordings are not INT16 or not as long as `spec` says.
    """
    if pcm.dtype != np.int16 or pcm.ndim != 2 or pcm.shape[1] != spec.samples:
        got = f"{pcm.dtype} {list(pcm.shape)}"
        raise ValueError(f"recordings must be INT16 [n, {spec.samples}], got {got}")
    pictures = np.empty((len(pcm), *spec.shape), np.uint8)
    for start in range(0, len(pcm), CHUNK):
        some = slice(start, start + CHUNK)
        pictures[some, :, :, 0] = _in_view(levels(pcm[some], spec), spec)
    return pictures


def heard(tensor: NDArray[Any], spec: AudioSpec) -> NDArray[Any]:
    """Pictures of INT16 recordings [n, samples]; what is none of these as it is."""
    return log_mel(tensor, spec) if tensor.dtype == np.int16 else tensor


def levels(pcm: Pcm, spec: AudioSpec) -> Wide:
    """How loud each band of each frame is, in steps, [n, frames, bands]; silence is 0."""
    made = _tables(spec)
    every = np.lib.stride_tricks.sliding_window_view(pcm, spec.frame_samples, axis=1)
    frames: Wide = every[:, :: spec.hop_samples].astype(np.int64)
    # |sample| <= 2**15, |window| < 2**15: a windowed sample fits 16 bits.
    windowed = _rounded(frames * np.array(made.window, np.int64), WAVE_BITS)
    real, imaginary = transform(windowed, made)
    # Sums of frame_samples / 2 windowed samples: below 2**24 for 1024, so 32 bits hold
    # them with what rounding adds; their squares stay below 2**49.
    power = real * real + imaginary * imaginary
    return logarithm(_mel_sums(power, made), made)


def transform(rows: Wide, made: Tables) -> tuple[Wide, Wide]:
    """The discrete Fourier transform of real rows [..., size]: its bins 0 to size / 2.

    Decimation in time (Cooley and Tukey 1965), nothing scaled down between stages.
    """
    size = rows.shape[-1]
    real, imaginary = rows[..., _reversed(size)], np.zeros_like(rows)
    cosines, sines = (np.array(one, np.int64) for one in (made.cosines, made.sines))
    half = 1
    while half < size:
        turns = np.arange(half) * (size // 2 // half)
        parts = (*rows.shape[:-1], size // (2 * half), 2, half)
        a, b = real.reshape(parts), imaginary.reshape(parts)
        c, s = cosines[turns], sines[turns]
        turned = _rounded(a[..., 1, :] * c + b[..., 1, :] * s, WAVE_BITS)
        other = _rounded(b[..., 1, :] * c - a[..., 1, :] * s, WAVE_BITS)
        real = np.stack([a[..., 0, :] + turned, a[..., 0, :] - turned], axis=-2)
        imaginary = np.stack([b[..., 0, :] + other, b[..., 0, :] - other], axis=-2)
        real, imaginary = real.reshape(rows.shape), imaginary.reshape(rows.shape)
        half *= 2
    return real[..., : size // 2 + 1], imaginary[..., : size // 2 + 1]


def logarithm(power: Wide, made: Tables) -> Wide:
    """The logarithm of base 2 in steps, to the nearest; of 0 it is 0."""
    octaves, rest = np.zeros_like(power), power
    for bits in (32, 16, 8, 4, 2, 1):
        high = rest >> bits > 0
        octaves = octaves + bits * high
        rest = np.where(high, rest >> bits, rest)
    left = np.maximum(MANTISSA_BITS - octaves, 0)
    right = np.maximum(octaves - MANTISSA_BITS, 0)
    mantissas = (power << left) >> right
    within = np.searchsorted(np.array(made.steps, np.int64), mantissas, side="right")
    return np.where(power > 0, octaves * len(made.steps) + within, 0)


def _mel_sums(power: Wide, made: Tables) -> Wide:
    """Weighted power of each band.

    By Parseval's theorem the power of all bins is below 2**53 for 1024 samples, so sums
    with weights of at most 2**12 fit 63 bits even before the window is counted.
    """
    weights, starts = np.array(made.weights, np.int64), made.starts
    sums = [
        power[..., first : first + stop - start] @ weights[start:stop]
        for first, start, stop in zip(made.first_bins, starts, starts[1:], strict=False)
    ]
    return np.stack(sums, axis=-1)


def _in_view(loud: Wide, spec: AudioSpec) -> Wide:
    """Levels as brightness: the loudest of each recording is white."""
    top = np.maximum(loud.max(axis=(1, 2), keepdims=True), spec.quietest)
    seen: Wide = np.maximum(BRIGHTEST - (top - loud), 0)
    return seen


def _rounded(values: Wide, bits: int) -> Wide:
    """`values` / 2**bits to the nearest, half up; shifts of numpy are arithmetic."""
    return (values + (1 << (bits - 1))) >> bits


@lru_cache(maxsize=8)
def _tables(spec: AudioSpec) -> Tables:
    return tables(spec)


def _reversed(size: int) -> list[int]:
    """Where the samples go, their numbers read backwards in binary."""
    bits = size.bit_length() - 1
    return [int(f"{n:0{bits}b}"[::-1], 2) for n in range(size)]

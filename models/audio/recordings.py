"""WAV files → the samples of one recording, [samples] INT16. Only numpy is needed here.

Taken are files of one channel at the rate of the model, in PCM of 16 bits or G.711 µ-law
(as telephones have it); nothing is resampled. Format: Multimedia Programming Interface
and Data Specifications 1.0 (RIFF), ITU-T G.711.
"""

import struct
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from configs.audio import AudioSpec
from models.audio.front_end import Pcm

PCM, MU_LAW, EXTENSIBLE = 1, 7, 0xFFFE
MAX_BYTES = 64 << 20


class BadRecording(Exception):
    """What was given is no recording that can be taken; whoever gave it must change it."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason

    def __str__(self) -> str:
        return self.reason


def decode_wav(content: bytes, rate_hz: int) -> Pcm:
    """The samples of a WAV file.

    Raises:
        BadRecording: with a text for whoever gave it.
    """
    said, data = riff(content)
    code, channels, rate, _, _, bits = struct.unpack_from("<HHIIHH", said)
    if code == EXTENSIBLE and len(said) >= 26:
        (code,) = struct.unpack_from("<H", said, 24)
    if (channels, rate) != (1, rate_hz):
        got = f"{channels} of {rate} Hz"
        raise BadRecording(f"it must have 1 channel of {rate_hz} Hz, has {got}")
    if (code, bits) == (PCM, 16):
        return np.frombuffer(data[: len(data) // 2 * 2], "<i2").astype(np.int16)
    if (code, bits) == (MU_LAW, 8):
        return from_mu_law(np.frombuffer(data, np.uint8))
    got = f"encoding {code} of {bits} bits"
    raise BadRecording(f"it must be PCM of 16 bits or µ-law, is {got}")


def riff(content: bytes) -> tuple[bytes, bytes]:
    """The format and the samples of a WAV file, as they stand in it.

    Raises:
        BadRecording: it is none, or too large.
    """
    if len(content) > MAX_BYTES:
        raise BadRecording(f"{len(content)} bytes, at most {MAX_BYTES} are taken")
    if content[:4] != b"RIFF" or content[8:12] != b"WAVE":
        raise BadRecording("not a WAV file")
    chunks = dict(_chunks(content))
    if len(chunks.get(b"fmt ", b"")) < 16 or not chunks.get(b"data"):
        raise BadRecording("truncated or damaged WAV file")
    return chunks[b"fmt "], chunks[b"data"]


def fitted(pcm: Pcm, spec: AudioSpec) -> Pcm:
    """The middle of a recording that is too long; silence around one that is too short."""
    left = (len(pcm) - spec.samples) // 2
    if left >= 0:
        return pcm[left : left + spec.samples]
    whole = np.zeros(spec.samples, np.int16)
    whole[-left : -left + len(pcm)] = pcm
    return whole


def from_mu_law(codes: NDArray[np.uint8]) -> Pcm:
    """Bytes of G.711 µ-law as samples."""
    return _MU_LAW[codes]


def _chunks(content: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Name and content of each.

    Raises:
        BadRecording: the file ends within its samples.
    """
    at = 12
    while at + 8 <= len(content):
        name, size = struct.unpack_from("<4sI", content, at)
        there = len(content) - at - 8
        if name == b"data" and size > there:
            reason = f"truncated or damaged WAV file: {there} of {size} bytes of data"
            raise BadRecording(reason)
        yield name, content[at + 8 : at + 8 + size]
        at += 8 + size + size % 2


def _mu_law_table() -> Pcm:
    """The sample of each byte: sign, 3 bits of exponent, 4 of mantissa, all inverted."""
    codes = ~np.arange(256, dtype=np.int32) & 255
    sizes = ((((codes & 15) << 3) + 132) << (codes >> 4 & 7)) - 132
    return np.where(codes & 128, -sizes, sizes).astype(np.int16)


_MU_LAW = _mu_law_table()

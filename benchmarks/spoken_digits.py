"""How configs/datasets/spoken-digits.tar.xz was made: `python -m benchmarks.spoken_digits`.

From the recordings of the Free Spoken Digit Dataset (their names say digit, speaker and
number) it takes a part, in µ-law of 8 bits, sorted so that nobody is heard in training and
in `unheard`. The same recordings give the same archive.
"""

import argparse
import io
import lzma
import struct
import tarfile
import wave
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from models.audio.recordings import from_mu_law

UNHEARD = ("theo", "yweweler")
"""The last two of six by name; chosen before anything was trained."""
TEST_NUMBERS = range(5)
"""Of the dataset's own test split."""
README = """A part of the Free Spoken Digit Dataset by Jakobovski and contributors,
github.com/Jakobovski/free-spoken-digit-dataset
Licence of the recordings, and of this archive: Creative Commons Attribution-ShareAlike 4.0
(creativecommons.org/licenses/by-sa/4.0). Changed: fewer recordings, G.711 mu-law of 8 bits.
train/    the speakers george, jackson, lucas and nicolas
heard/    other recordings of the same speakers
unheard/  the speakers theo and yweweler, who are in neither
"""


def main() -> None:
    """Write the archive."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument(
        "recordings", type=Path, help="the dataset's folder of WAV files"
    )
    asked.add_argument("archive", type=Path)
    asked.add_argument("--train", type=int, default=12, help="of a speaker and digit")
    asked.add_argument("--unheard", type=int, default=15, help="of a speaker and digit")
    said = asked.parse_args()
    files = {"README": README.encode()}
    for folder, file in chosen(said.recordings, said.train, said.unheard):
        files[f"{folder}/{file.name}"] = mu_law_wav(*samples(file))
    said.archive.write_bytes(
        lzma.compress(packed(files), preset=9 | lzma.PRESET_EXTREME)
    )


def chosen(recordings: Path, train: int, unheard: int) -> Iterator[tuple[str, Path]]:
    """Each recording that is taken, and its folder."""
    for file in sorted(recordings.glob("[0-9]_*_*.wav")):
        _, speaker, number = file.stem.split("_")
        place = int(number)
        if speaker in UNHEARD:
            if place < unheard:
                yield "unheard", file
        elif place in TEST_NUMBERS:
            yield "heard", file
        elif place < TEST_NUMBERS.stop + train:
            yield "train", file


def samples(file: Path) -> tuple[NDArray[np.int16], int]:
    """What a WAV file of 16 bits holds, and its rate."""
    with wave.open(str(file), "rb") as opened:
        content = opened.readframes(opened.getnframes())
        return np.frombuffer(content, "<i2").astype(np.int16), opened.getframerate()


def mu_law_wav(pcm: NDArray[np.int16], rate_hz: int) -> bytes:
    """The nearest µ-law values as a WAV file."""
    codes = np.arange(256, dtype=np.uint8)
    known = from_mu_law(codes).astype(np.int32)
    order = np.argsort(known, kind="stable")
    middles = (known[order][1:] + known[order][:-1]) / 2
    data = codes[order][np.searchsorted(middles, pcm.astype(np.int32))].tobytes()
    said = struct.pack("<HHIIHH", 7, 1, rate_hz, rate_hz, 1, 8)
    padded = data + b"\0" * (len(data) % 2)
    body = b"WAVEfmt " + struct.pack("<I", len(said)) + said
    body += b"data" + struct.pack("<I", len(data)) + padded
    return b"RIFF" + struct.pack("<I", len(body)) + body


def packed(files: dict[str, bytes]) -> bytes:
    """A tar archive that says neither when nor by whom."""
    held = io.BytesIO()
    with tarfile.open(fileobj=held, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return held.getvalue()


if __name__ == "__main__":
    main()

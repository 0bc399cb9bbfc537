"""What a device needs to hear as the host does: C, its tables, and recordings to check it.

front_end.c  front_end.h   the front end, for every model
front_end_tables.h         sizes and tables of this one
front_end.json             the same numbers, for other languages
front_end.npz              `pcm` INT16 [n, samples] and `picture` UINT8 [n, frames, bands]
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np

from configs.audio import AudioSpec
from models.audio.front_end import Pcm, log_mel
from models.audio.tables import Tables, tables

SOURCES = ("front_end.c", "front_end.h")
HEADER, NUMBERS, GOLDEN = "front_end_tables.h", "front_end.json", "front_end.npz"
PER_LINE = 12


def write(folder: Path, spec: AudioSpec, seed: int) -> None:
    """Put all of it into `folder`."""
    for name in SOURCES:
        text = (Path(__file__).parent / name).read_text(encoding="utf-8")
        (folder / name).write_text(text, encoding="utf-8")
    made = tables(spec)
    (folder / HEADER).write_text(header(spec, made), encoding="utf-8")
    said = {"front_end": spec.model_dump(mode="json"), "tables": asdict(made)}
    text = json.dumps(said, sort_keys=True)
    (folder / NUMBERS).write_text(f"{text}\n", encoding="utf-8")
    pcm = drawn(spec, seed)
    seen = log_mel(pcm, spec)[..., 0]
    with (folder / GOLDEN).open("wb") as file:
        np.savez_compressed(file, allow_pickle=False, pcm=pcm, picture=seen)


def header(spec: AudioSpec, made: Tables) -> str:
    """`front_end_tables.h`."""
    sizes = {
        "SAMPLES": spec.samples,
        "FRAME": spec.frame_samples,
        "HOP": spec.hop_samples,
        "FRAMES": spec.frames,
        "BANDS": spec.bands,
        "STEPS": spec.steps_per_octave,
        "QUIETEST": spec.quietest,
    }
    arrays = [
        ("int16_t", "window", made.window),
        ("int16_t", "cosines", made.cosines),
        ("int16_t", "sines", made.sines),
        ("uint16_t", "first_bins", made.first_bins),
        ("uint16_t", "starts", made.starts),
        ("uint16_t", "weights", made.weights),
        ("uint32_t", "steps", made.steps),
    ]
    lines = [
        f"/* Of the front end {spec.kind}; written by Headwater, not by hand. */",
        "",
        "#include <stdint.h>",
        "",
        *(f"#define FRONT_END_{name} {size}u" for name, size in sizes.items()),
    ]
    for kind, name, numbers in arrays:
        lines += ["", f"static const {kind} front_end_{name}[{len(numbers)}] = {{"]
        lines += [*_rows(numbers), "};"]
    return "\n".join(lines) + "\n"


def drawn(spec: AudioSpec, seed: int) -> Pcm:
    """Silence, full scale, noise that clips, a quiet sweep: four recordings."""
    draw, at = np.random.default_rng(seed), np.arange(spec.samples)
    square = np.where(at // 8 % 2, 32_767, -32_768)
    noise = np.clip(draw.normal(0, 20_000, spec.samples), -32_768, 32_767)
    turns = at * at * (spec.high_hz / (2 * spec.samples * spec.rate_hz))
    sweep = 300 * np.sin(2 * np.pi * turns)
    rows = [np.zeros(spec.samples), square, noise, sweep]
    return np.round(np.stack(rows)).astype(np.int16)


def _rows(numbers: Sequence[int]) -> Iterator[str]:
    for start in range(0, len(numbers), PER_LINE):
        some = numbers[start : start + PER_LINE]
        yield f"    {', '.join(str(number) for number in some)},"

"""A catalogue of tiny IDX photos that a network learns in seconds, and a bench over it."""

import gzip
import struct
from dataclasses import replace
from pathlib import Path

import numpy as np
import yaml
from numpy.typing import NDArray
from PIL import Image

from configs.catalogue import load_catalogue
from configs.model import ImageSpec, ModelSpec
from configs.recipe import RecipeSpec
from models.materials import Materials
from models.recipes.bench import Bench, Rooms

SIDE, CLASSES, TRAIN, TEST = 8, 3, 240, 60
IMAGE = ImageSpec(size_px=SIDE)
STUDENT = {"stem": 8, "blocks": "16:1"}
TEACHER = {"stem": 8, "stages": "16:16:1"}


def write_idx(file: Path, values: NDArray[np.uint8]) -> Path:
    """Write `values` as IDX; gzipped where the name says so."""
    content = bytes([0, 0, 8, values.ndim]) + struct.pack(
        f">{values.ndim}I", *values.shape
    )
    content += values.tobytes()
    packed = gzip.compress(content, mtime=0) if file.suffix == ".gz" else content
    file.write_bytes(packed)
    return file


def photos(count: int, seed: int) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Grey noise in which a row, a column or a block is brighter: classes 0, 1, 2."""
    draw = np.random.default_rng(seed)
    labels = (np.arange(count) % CLASSES).astype(np.uint8)
    pixels = draw.integers(0, 90, (count, SIDE, SIDE)).astype(np.uint8)
    for row, label in enumerate(labels):
        at = draw.integers(1, SIDE - 2)
        places = [np.s_[at, :], np.s_[:, at], np.s_[at : at + 2, at : at + 2]]
        pixels[row][places[label]] += 140
    return pixels, labels


def make_training_bench(
    folder: Path, step: dict[str, object], seed: int = 0, **data: object
) -> Bench:
    """A bench for a recipe with the one `step`, and the datasets `train` and `test`."""
    catalogue = folder / "catalogue"
    (catalogue / "datasets").mkdir(parents=True, exist_ok=True)
    for number, (name, count) in enumerate({"train": TRAIN, "test": TEST}.items()):
        pixels, labels = photos(count, number)
        write_idx(folder / f"{name}-images.gz", pixels)
        write_idx(folder / f"{name}-labels.gz", labels)
        spec = {
            "id": name,
            "title": name,
            "licence": "MIT",
            "source": f"file://{folder}/{name}-*.gz",
            "format": "idx",
        }
        (catalogue / "datasets" / f"{name}.yaml").write_text(yaml.safe_dump(spec))
    recipe = RecipeSpec.model_validate(
        {
            "id": "tiny",
            "title": "tiny",
            "model": "tiny",
            "variant": "tiny",
            "seed": seed,
            "source": {"architecture": "separable"},
            "data": {"train": "train", "calibration": "test", **data},
            "steps": [step],
        }
    )
    rooms = Rooms(*(folder / name for name in ("scratch", "checkpoints", "logits")))
    rooms.scratch.mkdir(exist_ok=True)
    materials = Materials(load_catalogue(catalogue), folder)
    return Bench(recipe, model_spec(), materials, rooms)


def nameless(bench: Bench, dataset: str, folder: Path) -> None:
    """Write the photos of `dataset` to `folder`, one file each, and forget their labels."""
    folder.mkdir()
    pixels = bench.materials.dataset(dataset).pixels
    assert pixels is not None
    for row, photo in enumerate(pixels):
        Image.fromarray(photo).save(folder / f"{row:03}.png")
    (folder / "notes.txt").write_text("no photo")
    catalogue = load_catalogue(folder.parent / "catalogue")
    source = {"source": f"file://{folder}", "format": "photos", "labelled": False}
    spec = catalogue.datasets[dataset].model_copy(update=source)
    changed = {**catalogue.datasets, dataset: spec}
    bench.materials = Materials(replace(catalogue, datasets=changed), folder)


def model_spec() -> ModelSpec:
    """The model that the recipe makes."""
    return ModelSpec.model_validate(
        {
            "id": "tiny",
            "title": "tiny",
            "licence": "MIT",
            "architecture": "recipe",
            "inputs": [{"name": "input", "datatype": "FP32", "shape": [3, SIDE, SIDE]}],
            "outputs": [{"name": "logits", "datatype": "FP32", "shape": [CLASSES]}],
            "image": IMAGE.model_dump(),
            "variant": "fp32-onnx",
        }
    )


def a_folder(parent: Path, name: str) -> Path:
    """An empty folder, as the engine hands one to a step."""
    made = parent / name
    made.mkdir()
    return made

"""Photos or recordings: of a catalogue's dataset, or a folder with labels.csv."""

import csv
import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from configs.dataset import DatasetSpec
from configs.model import ImageSpec
from models.archives import archived_files
from models.debian import debian_files
from models.errors import HashMismatch, NotLabelled, SourceUnreachable
from models.idx import read_idx
from models.imaging import BadImage, Pixels, crop, decode
from models.packages import package_files
from models.progress import Progress, silent
from models.store import digest

MAX_PIXELS = 100_000_000
PHOTO_NAMES = (".bmp", ".jpeg", ".jpg", ".png", ".wav", ".webp")


@dataclass(frozen=True, slots=True)
class Photo:
    """One photo or recording; `class_index` None: nobody has said what it is."""

    file: Path
    class_index: int | None = None


@dataclass(frozen=True, slots=True)
class Dataset:
    """Photos or recordings, labelled or not, under one name.

    `sha256` changes with any file, name or label.

    `pixels` [n, h, w] or [n, h, w, 3] holds the photos where they are no files of their own.
    """

    name: str
    sha256: str
    photos: tuple[Photo, ...]
    pixels: Pixels | None = field(default=None, repr=False, compare=False)

    @property
    def is_labelled(self) -> bool:
        """Whether the class of every photo is known."""
        return all(photo.class_index is not None for photo in self.photos)

    @property
    def labels(self) -> NDArray[np.int64]:
        """The class of each photo, [n].

        Raises:
            NotLabelled: it is not known of all of them.
        """
        if not self.is_labelled:
            raise NotLabelled(self.name)
        return np.array([photo.class_index for photo in self.photos], np.int64)


def open_dataset(
    spec: DatasetSpec, cache: Path, catalogue: Path | None = None
) -> Dataset:
    """The photos of a dataset of the folder `catalogue`, fetched when needed.

    Raises:
        SourceUnreachable: they cannot be had, or a label cannot be read.
        HashMismatch: they are not the pinned ones.
    """
    if spec.format == "idx":
        dataset = _open_idx(spec, _files(spec, cache, catalogue))
    elif spec.format == "text":
        dataset = _open_texts(spec, _files(spec, cache, catalogue))
    elif not spec.labelled:
        dataset = _open_unlabelled(spec, _files(spec, cache, catalogue))
    elif spec.source.startswith("file://"):
        dataset = open_folder(Path(spec.source.removeprefix("file://")), spec.id)
    else:
        photos = _by_name(spec, _files(spec, cache, catalogue))
        dataset = Dataset(spec.id, _digest(photos), photos)
    dataset = _first(dataset, spec.max_photos)
    if spec.sha256 is not None and dataset.sha256 != spec.sha256:
        raise HashMismatch(spec.source, spec.sha256, dataset.sha256)
    return dataset


def open_folder(folder: Path, name: str = "") -> Dataset:
    """The photos that `folder`/labels.csv lists (columns file and class_index).

    Raises:
        SourceUnreachable: the list or a photo is missing, or a label is no number.
    """
    listed = folder / "labels.csv"
    try:
        with listed.open(encoding="utf-8", newline="") as rows:
            photos = tuple(_listed(folder, row) for row in csv.DictReader(rows))
    except OSError as error:
        reason = error.strerror or "cannot be read"
        raise SourceUnreachable(str(listed), reason) from error
    except (KeyError, ValueError, TypeError) as error:
        reason = "needs the columns file and class_index (a whole number)"
        raise SourceUnreachable(str(listed), reason) from error
    missing = [photo.file.name for photo in photos if not photo.file.is_file()]
    if missing or not photos:
        raise SourceUnreachable(str(listed), f"no such photo: {(*missing, '')[0]}")
    return Dataset(name or folder.resolve().name, _digest(photos), photos)


def crops(dataset: Dataset, spec: ImageSpec, progress: Progress = silent) -> Pixels:
    """Every photo as a model with this `spec` sees it, [n, s, s, 3].

    Raises:
        SourceUnreachable: a photo cannot be decoded.
    """
    side, count = spec.size_px, len(dataset.photos)
    pixels = np.empty((count, side, side, 3), np.uint8)
    for row, photo in enumerate(dataset.photos):
        try:
            pixels[row] = crop(_image(dataset, row), spec)
        except (BadImage, OSError) as error:
            raise SourceUnreachable(str(photo.file), str(error)) from error
        progress(f"read {dataset.name}", row + 1, count)
    return pixels


def _image(dataset: Dataset, row: int) -> Image.Image:
    if dataset.pixels is not None:
        return Image.fromarray(dataset.pixels[row]).convert("RGB")
    return decode(dataset.photos[row].file.read_bytes(), MAX_PIXELS)


def _files(spec: DatasetSpec, cache: Path, catalogue: Path | None) -> list[Path]:
    scheme, _, path = spec.source.partition("://")
    if scheme == "file" and Path(path).is_dir():
        return sorted(file for file in Path(path).rglob("*") if file.is_file())
    if scheme == "file":
        return sorted(Path(path).parent.glob(Path(path).name))
    if scheme == "catalogue":
        return archived_files(spec.source, catalogue, cache)
    return (debian_files if scheme == "deb" else package_files)(spec.source, cache)


def _open_unlabelled(spec: DatasetSpec, files: Iterable[Path]) -> Dataset:
    """Photos or recordings that only a teacher can tell of; other files are left out."""
    photos = tuple(Photo(file) for file in files if file.suffix.lower() in PHOTO_NAMES)
    if not photos:
        reason = f"holds no photo ({', '.join(PHOTO_NAMES)})"
        raise SourceUnreachable(spec.source, reason)
    return Dataset(spec.id, _digest(photos), photos)


def _open_texts(spec: DatasetSpec, files: Iterable[Path]) -> Dataset:
    """Files that are read whole; they carry no label."""
    texts = tuple(Photo(file, 0) for file in files)
    if not texts:
        raise SourceUnreachable(spec.source, "no such file")
    return Dataset(spec.id, _digest(texts), texts)


def _open_idx(spec: DatasetSpec, files: Iterable[Path]) -> Dataset:
    """The photos of a pair of IDX files; the one with one dimension holds the labels."""
    try:
        held = {file: read_idx(file) for file in files}
    except (OSError, ValueError) as error:
        raise SourceUnreachable(spec.source, f"a file {error}") from error
    ranks = sorted(array.ndim for array in held.values())
    if len(ranks) != 2 or ranks[0] != 1 or ranks[1] not in (3, 4):
        names = [file.name for file in held]
        reason = f"must fit two IDX files, of images and of labels, fits {names}"
        raise SourceUnreachable(spec.source, reason)
    (images, pixels), (_, labels) = sorted(held.items(), key=lambda one: -one[1].ndim)
    if len(pixels) != len(labels):
        reason = f"holds {len(pixels)} images and {len(labels)} labels"
        raise SourceUnreachable(spec.source, reason)
    photos = tuple(Photo(images, int(label)) for label in labels)
    lines = sorted(f"{file.name} {digest(file)}\n" for file in held)
    sha256 = hashlib.sha256("".join(lines).encode()).hexdigest()
    return Dataset(spec.id, sha256, photos, pixels)


def _first(dataset: Dataset, count: int | None) -> Dataset:
    """`dataset` cut to its first `count` photos, with a digest of its own."""
    if count is None or count >= len(dataset.photos):
        return dataset
    said = f"the first {count} of {dataset.sha256}"
    pixels = None if dataset.pixels is None else dataset.pixels[:count]
    sha256 = hashlib.sha256(said.encode()).hexdigest()
    return Dataset(dataset.name, sha256, dataset.photos[:count], pixels)


def _by_name(spec: DatasetSpec, files: Iterable[Path]) -> tuple[Photo, ...]:
    pattern = re.compile(spec.label_pattern or "")
    photos = []
    for file in files:
        found = pattern.search(file.name)
        if found is None or not found.groups() or not found[1].isdigit():
            reason = f"label_pattern finds no class index in {file.name}"
            raise SourceUnreachable(spec.source, reason)
        photos.append(Photo(file, int(found[1])))
    return tuple(photos)


def _listed(folder: Path, row: dict[str, str]) -> Photo:
    file = folder / row["file"]
    return Photo(
        file if file.is_file() else folder / "images" / row["file"],
        int(row["class_index"]),
    )


def _digest(photos: Iterable[Photo]) -> str:
    lines = sorted(
        f"{photo.file.name} {digest(photo.file)} {photo.class_index}\n"
        for photo in photos
    )
    return hashlib.sha256("".join(lines).encode()).hexdigest()

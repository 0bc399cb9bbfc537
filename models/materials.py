"""What several builds of one run share: opened datasets and their crops."""

from dataclasses import replace
from pathlib import Path

from configs.catalogue import Catalogue
from configs.model import FrontEnd, ImageSpec, ModelSpec
from models.audio.reading import pictures
from models.audio.recordings import BadRecording, riff
from models.datasets import MAX_PIXELS, Dataset, Photo, crops, open_dataset
from models.errors import SourceUnreachable
from models.imaging import BadImage, Pixels, decode
from models.progress import Progress


class Materials:
    """Opens each dataset of a catalogue once, and crops it once a size."""

    def __init__(self, catalogue: Catalogue, cache: Path) -> None:
        self._catalogue, self._cache = catalogue, cache
        self._opened: dict[str, Dataset] = {}
        self._cropped: dict[tuple[str, FrontEnd], Pixels] = {}

    def sha256(self, dataset: str) -> str:
        """The digest of a dataset; one that is pinned need not be opened for it."""
        return self._catalogue.datasets[dataset].sha256 or self.dataset(dataset).sha256

    def dataset(self, dataset: str) -> Dataset:
        """The photos.

        Raises:
            ModelError: see `models.datasets.open_dataset`.
        """
        if dataset not in self._opened:
            spec = self._catalogue.datasets[dataset]
            root = self._catalogue.root
            self._opened[dataset] = open_dataset(spec, self._cache, root)
        return self._opened[dataset]

    def crops(self, dataset: str, seen: FrontEnd, progress: Progress) -> Pixels:
        """The photos or recordings as a model sees or hears them, [n, h, w, c].

        Raises:
            ModelError: see `models.datasets.crops` and `models.audio.reading.pictures`.
        """
        if (dataset, seen) not in self._cropped:
            opened = self.dataset(dataset)
            if isinstance(seen, ImageSpec):
                self._cropped[dataset, seen] = crops(opened, seen, progress)
            else:
                self._cropped[dataset, seen] = pictures(opened, seen, progress)
        return self._cropped[dataset, seen]

    def labels(self, spec: ModelSpec) -> bytes | None:
        """The labels of a model, one a line; None: it has none."""
        if spec.labels is None:
            return None
        return (self._catalogue.root / spec.labels).read_bytes()

    def broken(self, dataset: str) -> tuple[str, ...]:
        """The files that were left out, by name: none, a broken photo is an error."""
        return ()


class ReadableMaterials(Materials):
    """The same without photos that cannot be decoded; `broken` names them."""

    def __init__(self, catalogue: Catalogue, cache: Path) -> None:
        super().__init__(catalogue, cache)
        self._readable: dict[str, Dataset] = {}

    def dataset(self, dataset: str) -> Dataset:
        """The photos that can be read.

        Raises:
            ModelError: see `models.datasets.open_dataset`, or none can be read.
        """
        if dataset not in self._readable:
            listed = super().dataset(dataset)
            sound = tuple(photo for photo in listed.photos if is_sound(listed, photo))
            if not sound:
                raise SourceUnreachable(dataset, "none of its photos can be read")
            self._readable[dataset] = replace(listed, photos=sound)
        return self._readable[dataset]

    def broken(self, dataset: str) -> tuple[str, ...]:
        """The files that were left out, by name."""
        kept = {photo.file for photo in self.dataset(dataset).photos}
        listed = super().dataset(dataset).photos
        return tuple(photo.file.name for photo in listed if photo.file not in kept)


def is_sound(dataset: Dataset, photo: Photo) -> bool:
    """Whether `photo` of `dataset` can be read and decoded."""
    if dataset.pixels is not None:
        return True
    try:
        content = photo.file.read_bytes()
        if photo.file.suffix.lower() == ".wav":
            riff(content)
        else:
            decode(content, MAX_PIXELS)
    except (BadImage, BadRecording, OSError):
        return False
    return True

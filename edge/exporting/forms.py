"""How a stored variant becomes files, by its form."""

from collections.abc import Iterator, Mapping

from configs.device import DeviceSpec
from models.card import Card, FileFact
from models.litert.metadata import LABELS, METADATA, READABLE, attached
from models.recipes.pieces import EXECUTORCH, LITERT, MAIN, ORT, PACKAGE
from models.store import Store

CHECKS = "checks.json"
EVIDENCE = (
    "evidence.json", "margins.png", "layers.png", "confusion.png", "threads.png",
)  # fmt: skip
"""What is known of one file and may not be of the next."""
OTHERS = (
    *(LITERT, EXECUTORCH, ORT, PACKAGE, READABLE, "required_operators.config"),
    *EVIDENCE,
)
"""What one file has beside it and another has not; a folder holds those of one at a time."""


def size_bytes(card: Card) -> int:
    """What a device keeps: the file, or everything in the package."""
    inside = (name for name in card.files if name.startswith(f"{PACKAGE}/"))
    return card.model_file.size_bytes + sum(card.files[n].size_bytes for n in inside)


def is_described(card: Card, device: DeviceSpec) -> bool:
    """Whether the class's file carries metadata."""
    return device.metadata and card.form == "litert" and METADATA in card.files


def named(card: Card, device: DeviceSpec) -> Mapping[str, FileFact]:
    """Every stored file that the class gets as it is, by its name in the folder."""
    unwanted = {METADATA} if is_described(card, device) else {METADATA, READABLE}
    files = {name: fact for name, fact in card.files.items() if name not in unwanted}
    files[MAIN[card.form]] = card.model_file
    if card.labels_file is not None:
        files[LABELS] = card.labels_file
    return files


def described(store: Store, card: Card) -> bytes:
    """The .tflite of `card` with its metadata and labels.

    Raises:
        StoreCorrupt: a file of the variant is missing or has changed.
    """
    metadata = store.file(card.files[METADATA]).read_bytes()
    content = store.file(card.model_file).read_bytes()
    return attached(content, metadata, dict(_labels(store, card)))


def _labels(store: Store, card: Card) -> Iterator[tuple[str, bytes]]:
    if card.labels_file is not None:
        yield LABELS, store.file(card.labels_file).read_bytes()

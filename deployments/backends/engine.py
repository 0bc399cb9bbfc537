"""TensorRT: the stored engine where it fits, else one built here from its ONNX.

An engine is machine code for one kind of GPU, driver and library. A replica elsewhere
builds its own once and keeps it beside the store under a key of all three.
"""

import json
import logging
import shutil
import tempfile
import weakref
from collections.abc import Callable, Mapping
from pathlib import Path
from threading import Lock
from typing import Protocol

from deployments.messages import Tensor
from models.card import Card
from models.errors import EngineUnfit
from models.recipes.pieces import ENGINE, ONNX
from models.store import Store
from models.tensorrt.api import load_api
from models.tensorrt.engines import LABEL, Engine, open_engine
from models.tensorrt.maker import Maker, maker_here
from models.tensorrt.memory import find_memory
from models.tensorrt.options import options_from
from models.tensorrt.run import EngineRunner

log = logging.getLogger(__name__)


class Runs(Protocol):
    """The part of an `EngineRunner` that is used here."""

    def run(self, inputs: Mapping[str, Tensor]) -> Mapping[str, Tensor]: ...


class EngineBackend:
    """One engine with its buffers, which one run at a time may use.

    While a run is on the GPU, another slot stacks its batch and waits.
    """

    def __init__(self, runner: Runs, memory: object) -> None:
        self._runner, self._alone = runner, Lock()
        close = getattr(memory, "close", None)
        if close is not None:  # torch frees its own
            weakref.finalize(self, close)

    def run(self, inputs: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
        """See `Backend.run`."""
        with self._alone:
            return self._runner.run(inputs)


def open_stored(card: Card, store: Store) -> EngineBackend:
    """The engine of a card, ready to run here.

    Raises:
        EngineUnfit: it was built for something else and its ONNX was not stored.
        StoreCorrupt: a file is missing or has changed.
        BuildFailed, ToolFailed: it cannot be built or run here.
        ImportError: TensorRT is not installed.
    """
    maker = maker_here(store.root.parent)
    engine = fitting(card, store, maker)
    memory = find_memory()
    runner = EngineRunner(load_api(maker.runtime.kind), engine, memory)
    return EngineBackend(runner, memory)


def fitting(card: Card, store: Store, maker: Maker) -> Engine:
    """The engine of a card if it fits the runtime of `maker`, else one built by it.

    Raises:
        EngineUnfit, StoreCorrupt, BuildFailed, ToolFailed: see `open_stored`.
    """
    folder = _laid_out(card, store, maker.engines)
    try:
        return open_engine(folder, maker.runtime)
    except EngineUnfit as unfit:
        if ONNX not in card.files:
            raise
        log.warning("%s is built anew: %s", card.model, unfit)
    label = json.loads((folder / LABEL).read_text(encoding="utf-8"))
    onnx = store.file(card.files[ONNX])
    return maker.make(card.model, onnx, options_from(label["options"]))


def _laid_out(card: Card, store: Store, engines: Path) -> Path:
    """A folder that holds the stored engine and its label under their own names."""
    folder = engines / f"stored-{card.model_file.sha256[:16]}"
    if folder.is_dir():
        return folder
    engines.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=engines, prefix=".new-") as scratch:
        whole = Path(scratch) / "whole"
        whole.mkdir()
        shutil.copyfile(store.file(card.model_file), whole / ENGINE)
        shutil.copyfile(store.file(card.files[LABEL]), whole / LABEL)
        _place(whole.rename, folder)
    return folder


def _place(rename: Callable[[Path], object], folder: Path) -> None:
    """Another replica may have been faster."""
    try:
        rename(folder)
    except OSError:
        if not folder.is_dir():
            raise

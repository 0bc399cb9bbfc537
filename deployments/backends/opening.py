"""Opens the stored variant of a card on the runtime that its form needs.

The only place that knows every runtime; each is imported when its first model opens.
"""

import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Literal

from deployments.backends.base import Backend
from models.card import Card
from models.errors import NotServable
from models.recipes.pieces import WEIGHTS
from models.store import Store

Device = Literal["cpu", "cuda"]


def open_backend(card: Card, store: Store, device: Device = "cpu") -> Backend:
    """Load what `card` describes; its files are held against their digests first.

    Args:
        card: of any form of `models.choice.SERVABLE`.
        store: has its files.
        device: where ONNX runs; the other forms say themselves.

    Raises:
        NotServable: no runtime here opens its form, or not on that device.
        StoreCorrupt: a file is missing or has changed.
        ModelError: a runtime refuses it.
    """
    opener = OPENERS.get(card.form)
    if opener is None:
        raise NotServable(card.model, card.variant, card.form)
    return opener(card, store, device)


def _open_onnx(card: Card, store: Store, device: Device) -> Backend:
    from deployments.backends.onnx import OnnxBackend
    from deployments.backends.prepared import prepared

    if device == "cuda":
        return _open_cuda(card, store)
    copy = prepared(store, card.model_file)
    if copy is not None:
        return OnnxBackend(copy, optimised=True)
    return OnnxBackend(store.file(card.model_file))


def _open_cuda(card: Card, store: Store) -> Backend:
    from deployments.backends.cuda import CudaBackend, is_there

    if not is_there():
        raise NotServable(card.model, card.variant, "ONNX for a GPU")
    return CudaBackend(store.file(card.model_file))


def _open_litert(card: Card, store: Store, device: Device) -> Backend:
    from deployments.backends.litert import LitertBackend

    return LitertBackend(store.file(card.model_file), card.inputs, card.outputs)


def _open_torch(card: Card, store: Store, device: Device) -> Backend:
    from deployments.backends.eager import EagerBackend, load_network

    files = {name: store.file(fact) for name, fact in card.files.items()}
    files[WEIGHTS] = store.file(card.model_file)
    with tempfile.TemporaryDirectory() as scratch:
        network = load_network(card.model, files, Path(scratch))
    return EagerBackend(network, card.inputs[0].name, card.outputs[0].name)


def _open_engine(card: Card, store: Store, device: Device) -> Backend:
    from deployments.backends.engine import open_stored

    return open_stored(card, store)


OPENERS: Mapping[str, Callable[[Card, Store, Device], Backend]] = {
    "onnx": _open_onnx,
    "litert": _open_litert,
    "torch": _open_torch,
    "engine": _open_engine,
}

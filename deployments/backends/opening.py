"""Opens the stored variant of a card on a runtime.

The only place that knows every runtime; each is imported when its first model opens.
"""

import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

from deployments.backends.base import Backend
from deployments.backends.preference import CUDA, ONNX, OPENVINO, Site, find_here, pick
from models.card import Card
from models.errors import NotServable
from models.recipes.pieces import WEIGHTS
from models.store import Store


def open_backend(card: Card, store: Store, site: Site | None = None) -> Backend:
    """Load what `card` describes; its files are held against their digests first.

    Args:
        card: of any form of `models.choice.SERVABLE`.
        store: has its files.
        site: where, and on what; None: one thread of the CPU, as the card prefers.

    Raises:
        NotServable: no runtime here opens its form, or not on that device.
        StoreCorrupt: a file is missing or has changed.
        ModelError: a runtime refuses it.
    """
    chosen = site or Site()
    opener = OPENERS[pick(card, chosen, find_here()).runtime]
    return opener(card, store, chosen)


def _open_onnx(card: Card, store: Store, site: Site) -> Backend:
    from deployments.backends.crops import CropsBackend
    from deployments.backends.onnx import OnnxBackend
    from deployments.backends.prepared import head_of, prepared

    copy = prepared(store, card.model_file, card.image)
    if copy is None:
        return OnnxBackend(store.file(card.model_file))
    head = head_of(copy)
    if head is not None:
        return CropsBackend(copy, head, card.inputs[0].name)
    return OnnxBackend(copy, optimised=True)


def _open_cuda(card: Card, store: Store, site: Site) -> Backend:
    from deployments.backends.cuda import CudaBackend, is_there

    if not is_there():
        raise NotServable(card.model, card.variant, "ONNX for a GPU")
    return CudaBackend(store.file(card.model_file))


def _open_openvino(card: Card, store: Store, site: Site) -> Backend:
    try:
        from deployments.backends.compiled import open_compiled
    except ImportError as error:
        told = "ONNX for OpenVINO (pip install headwater[openvino])"
        raise NotServable(card.model, card.variant, told) from error
    return open_compiled(store, card.model_file, site.slots)


def _open_litert(card: Card, store: Store, site: Site) -> Backend:
    from deployments.backends.litert import LitertBackend

    return LitertBackend(store.file(card.model_file), card.inputs, card.outputs)


def _open_torch(card: Card, store: Store, site: Site) -> Backend:
    from deployments.backends.eager import EagerBackend, load_network

    files = {name: store.file(fact) for name, fact in card.files.items()}
    files[WEIGHTS] = store.file(card.model_file)
    with tempfile.TemporaryDirectory() as scratch:
        network = load_network(card.model, files, Path(scratch))
    return EagerBackend(network, card.inputs[0].name, card.outputs[0].name)


def _open_engine(card: Card, store: Store, site: Site) -> Backend:
    from deployments.backends.engine import open_stored

    return open_stored(card, store)


OPENERS: Mapping[str, Callable[[Card, Store, Site], Backend]] = {
    ONNX: _open_onnx,
    CUDA: _open_cuda,
    OPENVINO: _open_openvino,
    "litert": _open_litert,
    "torch": _open_torch,
    "tensorrt": _open_engine,
}
"""By the names that `preference.pick` gives."""

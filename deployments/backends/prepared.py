"""Copies of ONNX files that open fast, made once beside the store.

What takes long in opening a model is optimising its graph and packing its weights, with
the same result every time. A copy holds that result: the graph as this version of the
runtime made it for this CPU, and its weights in a file of their own, in the layout of the
kernels that can take them from there, so that they are mapped and shared by all replicas
of a node. Same answers, bit for bit. The copy of a quantised image model takes crops where it
can, see `models.cut`; what makes crops of floats then is in a file beside it.

    store/prepared/<sha256>-<kind>/{model.onnx, weights.bin, head.onnx, made.json}
"""

import hashlib
import json
import logging
import shutil
from importlib import import_module
from pathlib import Path

import numpy as np
import onnxruntime
from onnxruntime.capi import onnxruntime_pybind11_state as native

from configs.model import ImageSpec
from deployments.backends.copies import alone, filling
from deployments.backends.crops import CROPS
from models import machine
from models.card import FileFact
from models.imaging import normalise
from models.store import Store
from models.verified import digest

MODEL, WEIGHTS, HEAD = "model.onnx", "weights.bin", "head.onnx"
MADE = "made.json"
LEAST_WEIGHT_BYTES = 1024
ROOM = 4
"""A copy is made where the disk has so many times the room of the file."""

RECIPE = "2"
"""Changed with whatever changes what a copy is."""

_REFUSALS = (
    native.Fail,
    native.InvalidArgument,
    native.InvalidGraph,
    native.InvalidProtobuf,
    native.NotImplemented,
    native.RuntimeException,
)

log = logging.getLogger(__name__)


def prepared(
    store: Store, fact: FileFact, image: ImageSpec | None = None
) -> Path | None:
    """The copy of a stored ONNX file, made when there is none yet.

    None: it cannot be made; the file itself works as well, and slower.

    Args:
        store: has the file, and takes the copy.
        fact: names the file.
        image: how a crop becomes the model's input, if that is what it takes.

    Raises:
        StoreCorrupt: the stored file is missing or has changed.
    """
    source = store.file(fact)
    folder = store.root / "prepared" / f"{fact.sha256}-{kind(image)}"
    if _is_whole(store, folder):
        return folder / MODEL
    try:
        with alone(source):
            if not _is_whole(store, folder):  # else another replica was faster
                _make(source, folder, fact.sha256, image)
    except (OSError, *_REFUSALS) as error:
        log.warning("%s is opened as it is: %s", fact.sha256, error)
        return None
    return folder / MODEL


def head_of(copy: Path) -> Path | None:
    """What makes crops of floats for a copy that takes crops; None: it takes floats."""
    head = copy.with_name(HEAD)
    return head if head.is_file() else None


def kind(image: ImageSpec | None = None) -> str:
    """What a copy is good for: a version of the runtime on a kind of CPU, and crops."""
    flags = " ".join(sorted(machine.cpu_flags()))
    told = [RECIPE, onnxruntime.__version__, machine.kind(machine.describe()), flags]
    if image is not None:
        told.append(image.model_dump_json())
    return hashlib.sha256("\n".join(told).encode()).hexdigest()[:16]


def _is_whole(store: Store, folder: Path) -> bool:
    try:
        made = json.loads((folder / MADE).read_text(encoding="utf-8"))
        facts = {name: FileFact.model_validate(said) for name, said in made.items()}
        return MODEL in facts and all(
            store.verified.holds(folder / name, fact) for name, fact in facts.items()
        )
    except (OSError, ValueError):
        return False


def _make(source: Path, folder: Path, sha256: str, image: ImageSpec | None) -> None:
    folder.parent.mkdir(parents=True, exist_ok=True)
    if shutil.disk_usage(folder.parent).free < ROOM * source.stat().st_size:
        raise OSError("the disk has no room for a prepared copy")
    with filling(folder, sha256) as scratch:
        parts = None if image is None else _cut(source, image)
        if parts is None:
            _optimise(str(source), scratch / MODEL)
        else:
            head, body = parts
            _optimise(body, scratch / MODEL)
            (scratch / HEAD).write_bytes(head)
        made = {file.name: _fact(file) for file in sorted(scratch.iterdir())}
        told = {name: fact.model_dump() for name, fact in made.items()}
        (scratch / MADE).write_text(json.dumps(told), encoding="utf-8")


def _cut(source: Path, image: ImageSpec) -> tuple[bytes, bytes] | None:
    """Head and body of a model whose head makes of normalised pixels the pixels again.

    None: it is none, as the runtime itself shows; or nothing is here that can cut it.
    """
    try:
        parts: tuple[bytes, bytes] | None
        parts = import_module("models.cut").cut(source, CROPS)
    except (ImportError, ValueError):  # onnx comes with what builds models
        return None
    if parts is None:
        return None
    size = image.size_px
    every = np.resize(np.arange(256, dtype=np.uint8), (1, size, size, 3))
    head = onnxruntime.InferenceSession(
        parts[0], _options(), providers=["CPUExecutionProvider"]
    )
    (made,) = head.run(None, {head.get_inputs()[0].name: normalise(every, image)})
    return parts if np.array_equal(made, every) else None


def _options() -> onnxruntime.SessionOptions:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    return options


def _optimise(source: str | bytes, target: Path) -> None:
    options = _options()
    options.optimized_model_filepath = str(target)
    for key, value in (
        ("optimized_model_external_initializers_file_name", WEIGHTS),
        (
            "optimized_model_external_initializers_min_size_in_bytes",
            str(LEAST_WEIGHT_BYTES),
        ),
        ("save_external_prepacked_constant_initializers", "1"),
    ):
        options.add_session_config_entry(f"session.{key}", value)
    onnxruntime.InferenceSession(source, options, providers=["CPUExecutionProvider"])


def _fact(file: Path) -> FileFact:
    return FileFact(sha256=digest(file), size_bytes=file.stat().st_size)

"""Copies of ONNX files that open fast, made once beside the store.

What takes long in opening a model is optimising its graph and packing its weights, with
the same result every time. A copy holds that result: the graph as this version of the
runtime made it for this CPU, and its weights in a file of their own, in the layout of the
kernels that can take them from there, so that they are mapped and shared by all replicas
of a node. Same answers, bit for bit.

    store/prepared/<sha256>-<kind>/{model.onnx, weights.bin, made.json}
"""

import fcntl
import hashlib
import json
import logging
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import onnxruntime
from onnxruntime.capi import onnxruntime_pybind11_state as native

from models import machine
from models.card import FileFact
from models.store import Store
from models.verified import digest

MODEL, WEIGHTS, MADE = "model.onnx", "weights.bin", "made.json"
LEAST_WEIGHT_BYTES = 1024
MAKING = ".making-"
ROOM = 4
"""A copy is made where the disk has so many times the room of the file."""

RECIPE = "1"
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


def prepared(store: Store, fact: FileFact) -> Path | None:
    """The copy of a stored ONNX file, made when there is none yet.

    None: it cannot be made; the file itself works as well, and slower.

    Raises:
        StoreCorrupt: the stored file is missing or has changed.
    """
    source = store.file(fact)
    folder = store.root / "prepared" / f"{fact.sha256}-{kind()}"
    if _is_whole(store, folder):
        return folder / MODEL
    try:
        with _alone(source):
            if not _is_whole(store, folder):  # else another replica was faster
                _make(source, folder)
    except (OSError, *_REFUSALS) as error:
        log.warning("%s is opened as it is: %s", fact.sha256, error)
        return None
    return folder / MODEL


def kind() -> str:
    """What a copy is good for: a version of the runtime on a kind of CPU."""
    flags = " ".join(sorted(machine.cpu_flags()))
    told = [RECIPE, onnxruntime.__version__, machine.kind(machine.describe()), flags]
    return hashlib.sha256("\n".join(told).encode()).hexdigest()[:16]


@contextmanager
def _alone(source: Path) -> Iterator[None]:
    """Nobody else makes a copy of this file meanwhile."""
    with source.open("rb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)  # ends with the process, however it ends
        yield


def _is_whole(store: Store, folder: Path) -> bool:
    try:
        made = json.loads((folder / MADE).read_text(encoding="utf-8"))
        facts = {name: FileFact.model_validate(said) for name, said in made.items()}
        return MODEL in facts and all(
            store.verified.holds(folder / name, fact) for name, fact in facts.items()
        )
    except (OSError, ValueError):
        return False


def _make(source: Path, folder: Path) -> None:
    folder.parent.mkdir(parents=True, exist_ok=True)
    if shutil.disk_usage(folder.parent).free < ROOM * source.stat().st_size:
        raise OSError("the disk has no room for a prepared copy")
    scratch = Path(tempfile.mkdtemp(dir=folder.parent, prefix=MAKING))
    try:
        _optimise(source, scratch / MODEL)
        made = {file.name: _fact(file) for file in sorted(scratch.iterdir())}
        told = {name: fact.model_dump() for name, fact in made.items()}
        (scratch / MADE).write_text(json.dumps(told), encoding="utf-8")
        scratch.chmod(0o755)
        shutil.rmtree(folder, ignore_errors=True)  # torn, else it would have been taken
        scratch.rename(folder)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _optimise(source: Path, target: Path) -> None:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
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
    onnxruntime.InferenceSession(
        str(source), options, providers=["CPUExecutionProvider"]
    )


def _fact(file: Path) -> FileFact:
    return FileFact(sha256=digest(file), size_bytes=file.stat().st_size)

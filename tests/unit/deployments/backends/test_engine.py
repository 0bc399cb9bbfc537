"""A stored engine where it fits, another one where it does not; on fakes."""

import errno
import shutil
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from configs.catalogue import load_catalogue
from deployments.backends.engine import EngineBackend, fitting
from models.errors import EngineUnfit, StoreCorrupt
from models.recipes.pieces import ENGINE, ONNX
from models.store import Store
from models.tensorrt.engines import LABEL, Runtime
from models.tensorrt.gpu import Gpu
from models.tensorrt.maker import Maker
from models.tensorrt.options import EngineOptions, buckets_of
from tests.stored import a_card
from tests.tiny_models import make_tiny_catalogue

L4 = Runtime("tensorrt", "11.4.0", Gpu("NVIDIA L4", "8.9", "590.10", "13.1"))
H200 = Runtime("tensorrt", "11.4.0", Gpu("NVIDIA H200", "9.0", "590.10", "13.1"))
OPTIONS = EngineOptions(buckets_of((1, 8)))


class Worker:
    """Writes an engine where it is asked to, and remembers the requests."""

    def __init__(self) -> None:
        self.requests: list[dict[str, Any]] = []

    def __call__(self, request):
        self.requests.append(request)
        Path(request["target"]).write_bytes(b"engine %d" % len(self.requests))
        return {"version": "11.4.0", "tensors": [], "profiles": []}


@pytest.fixture
def worker():
    return Worker()


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "home" / "store")


@pytest.fixture
def card(tmp_path, store, worker):
    """Of an engine for L4, with the ONNX it came from."""
    onnx = tmp_path / ONNX
    onnx.write_bytes(b"onnx")
    made = Maker(L4, tmp_path / "elsewhere", worker).make("toy", onnx, OPTIONS)
    worker.requests.clear()
    spec = load_catalogue(make_tiny_catalogue(tmp_path)).models["tiny-a"]
    files = {LABEL: made.folder / LABEL, ONNX: onnx}
    return a_card(
        spec,
        "fp16-engine",
        store.add_file(made.folder / ENGINE),
        form="engine",
        files={name: store.add_file(file) for name, file in files.items()},
    )


def maker(tmp_path, worker, runtime):
    return Maker(runtime, tmp_path / "home" / "engines", worker)


def test_stored_engine_is_used_where_it_fits(tmp_path, store, card, worker):
    for _ in range(2):
        engine = fitting(card, store, maker(tmp_path, worker, L4))
        assert engine.file.read_bytes() == b"engine 1"

    assert worker.requests == []


def test_engine_of_another_gpu_is_built_anew_once(tmp_path, store, card, worker):
    first = fitting(card, store, maker(tmp_path, worker, H200))
    second = fitting(card, store, maker(tmp_path, worker, H200))

    assert first == second
    assert first.label["runtime"] == H200.as_json()
    (request,) = worker.requests
    assert Path(request["onnx"]).read_bytes() == b"onnx"
    assert request["options"] == OPTIONS.as_json()


def test_engine_whose_onnx_was_not_stored_is_refused(tmp_path, store, card, worker):
    alone = card.model_copy(update={"files": {LABEL: card.files[LABEL]}})

    with pytest.raises(EngineUnfit, match="must run with GPU NVIDIA L4"):
        fitting(alone, store, maker(tmp_path, worker, H200))


def test_disk_without_room_for_an_engine_is_told_and_leaves_nothing_behind(
    tmp_path, store, card, worker, monkeypatch
):
    def fill(source, target):
        target.write_bytes(b"half")
        raise OSError(errno.ENOSPC, "No space left on device")

    here = maker(tmp_path, worker, L4)
    with monkeypatch.context() as full:
        full.setattr(shutil, "copyfile", fill)
        with pytest.raises(OSError, match="No space left"):
            fitting(card, store, here)

    assert [*here.engines.iterdir()] == []
    assert fitting(card, store, here).file.read_bytes() == b"engine 1"


def test_disk_that_fills_up_while_an_engine_is_built_leaves_none(
    tmp_path, store, card, worker
):
    def fill(request):
        Path(request["target"]).write_bytes(b"half")
        raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(OSError, match="No space left"):
        fitting(card, store, maker(tmp_path, fill, H200))

    engine = fitting(card, store, maker(tmp_path, worker, H200))
    assert engine.file.read_bytes() == b"engine 1"


def test_changed_engine_is_refused(tmp_path, store, card, worker):
    path = store.path(card.model_file.sha256)
    path.chmod(0o644)
    path.write_bytes(b"something")

    with pytest.raises(StoreCorrupt):
        fitting(card, store, maker(tmp_path, worker, L4))


class Runner:
    """Doubles; fails when it is entered twice."""

    def __init__(self) -> None:
        self.inside = threading.Lock()

    def run(self, inputs):
        assert self.inside.acquire(blocking=False)
        answers = {"y": 2 * inputs["x"]}
        self.inside.release()
        return answers


class Memory:
    """Counts how often it is given back."""

    closed = 0

    def close(self) -> None:
        self.closed += 1


def test_one_run_at_a_time_is_on_the_engine():
    backend = EngineBackend(Runner(), Memory())

    with ThreadPoolExecutor(4) as slots:
        found = list(slots.map(lambda x: backend.run({"x": x})["y"], range(800)))

    assert found == [2 * x for x in range(800)]


def test_memory_is_given_back_with_the_engine():
    memory = Memory()
    backend = EngineBackend(Runner(), memory)
    assert memory.closed == 0

    del backend

    assert memory.closed == 1

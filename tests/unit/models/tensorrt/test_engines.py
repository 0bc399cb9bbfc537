"""Engines on disk and the key that decides whether one may be used."""

from dataclasses import replace
from pathlib import Path

import pytest

from models.errors import BuildFailed, EngineUnfit, StoreCorrupt
from models.recipes.pieces import ENGINE
from models.tensorrt.engines import LABEL, Runtime, engine_key, open_engine
from models.tensorrt.gpu import Gpu
from models.tensorrt.maker import Maker, maker_here
from models.tensorrt.options import EngineOptions, buckets_of

L4 = Gpu("NVIDIA L4", "8.9", "590.10", "13.1")
HERE = Runtime("tensorrt", "11.4.0", L4)
OPTIONS = EngineOptions(buckets_of((1, 8)))


class FakeWorker:
    """Writes an engine where it is asked to; counts how often."""

    def __init__(self, version="11.4.0", **told):
        self.requests = []
        self._told = {"version": version, "tensors": [], "profiles": [], **told}

    def __call__(self, request):
        self.requests.append(request)
        engine = Path(request["target"])
        engine.write_bytes(b"engine %d" % len(self.requests))
        return self._told


@pytest.fixture
def onnx(tmp_path):
    file = tmp_path / "model.onnx"
    file.write_bytes(b"onnx")
    return file


def maker(tmp_path, worker, runtime=HERE):
    return Maker(runtime, tmp_path / "engines", worker)


def test_engine_is_built_once_for_the_same_key(tmp_path, onnx):
    worker = FakeWorker()

    first = maker(tmp_path, worker).make("toy", onnx, OPTIONS)
    second = maker(tmp_path, worker).make("toy", onnx, OPTIONS)

    assert (first, len(worker.requests)) == (second, 1)
    assert first.file.read_bytes() == b"engine 1"
    assert sorted(file.name for file in first.folder.iterdir()) == [LABEL, ENGINE]


@pytest.mark.parametrize(
    "other",
    [
        Runtime("tensorrt", "11.5.0", L4),
        Runtime("tensorrt-rtx", "11.4.0", L4),
        Runtime("tensorrt", "11.4.0", None),
        *(
            Runtime("tensorrt", "11.4.0", replace(L4, **{field: "other"}))
            for field in ("name", "compute_capability", "driver", "cuda")
        ),
    ],
    ids=str,
)
def test_key_holds_everything_of_the_runtime(onnx, other):
    assert engine_key(onnx, other, OPTIONS) != engine_key(onnx, HERE, OPTIONS)


def test_key_holds_the_model_and_the_options(tmp_path, onnx):
    other = tmp_path / "other.onnx"
    other.write_bytes(b"other")

    keys = {
        engine_key(onnx, HERE, OPTIONS),
        engine_key(other, HERE, OPTIONS),
        engine_key(onnx, HERE, EngineOptions(buckets_of((1, 16)))),
        engine_key(onnx, HERE, EngineOptions(OPTIONS.buckets, refit=True)),
    }

    assert len(keys) == 4


def test_damaged_engine_is_built_anew(tmp_path, onnx):
    worker = FakeWorker()
    damaged = maker(tmp_path, worker).make("toy", onnx, OPTIONS)
    damaged.file.write_bytes(b"half")

    mended = maker(tmp_path, worker).make("toy", onnx, OPTIONS)

    assert mended.file.read_bytes() == b"engine 2"


def test_refused_model_names_library_and_reason_and_leaves_nothing(tmp_path, onnx):
    worker = FakeWorker(refused="parsing: Loop loop_3: no such plugin")

    with pytest.raises(BuildFailed) as failed:
        maker(tmp_path, worker).make("toy", onnx, OPTIONS)

    assert str(failed.value) == (
        "toy: tensorrt 11.4.0 failed: parsing: Loop loop_3: no such plugin"
    )
    assert list((tmp_path / "engines").iterdir()) == []


def test_worker_with_another_library_is_not_believed(tmp_path, onnx):
    with pytest.raises(BuildFailed, match=r"must be version 11\.4\.0, got 11\.3\.9"):
        maker(tmp_path, FakeWorker(version="11.3.9")).make("toy", onnx, OPTIONS)


def test_engine_opens_where_it_was_built(tmp_path, onnx):
    engine = maker(tmp_path, FakeWorker()).make("toy", onnx, OPTIONS)

    assert open_engine(engine.folder, HERE) == engine


def test_engine_of_another_gpu_is_refused_by_what_differs(tmp_path, onnx):
    engine = maker(tmp_path, FakeWorker()).make("toy", onnx, OPTIONS)
    h100 = replace(L4, name="NVIDIA H100", compute_capability="9.0")

    with pytest.raises(EngineUnfit) as refused:
        open_engine(engine.folder, Runtime("tensorrt", "11.4.0", h100))

    assert str(refused.value) == (
        f"{engine.folder}: must run with GPU NVIDIA L4, compute 8.9, "
        "got GPU NVIDIA H100, compute 9.0; "
        "build it here with `headwater optimize --force`"
    )


def test_engine_for_a_gpu_is_refused_where_there_is_none(tmp_path, onnx):
    engine = maker(tmp_path, FakeWorker()).make("toy", onnx, OPTIONS)

    with pytest.raises(EngineUnfit, match="got GPU none"):
        open_engine(engine.folder, Runtime("tensorrt", "11.4.0", None))


def test_portable_engine_opens_on_any_gpu(tmp_path, onnx):
    rtx = Runtime("tensorrt-rtx", "1.7.1.116", None)
    worker = FakeWorker(version="1.7.1.116")
    engine = maker(tmp_path, worker, rtx).make("toy", onnx, OPTIONS)

    assert open_engine(engine.folder, replace(rtx, gpu=L4)) == engine


def test_changed_engine_is_not_opened(tmp_path, onnx):
    engine = maker(tmp_path, FakeWorker()).make("toy", onnx, OPTIONS)
    engine.file.write_bytes(b"something else")

    with pytest.raises(StoreCorrupt, match="has changed"):
        open_engine(engine.folder, HERE)


def test_folder_without_an_engine_is_not_opened(tmp_path):
    with pytest.raises(StoreCorrupt, match="has no readable engine"):
        open_engine(tmp_path, HERE)


def test_without_tensorrt_the_rtx_environment_builds(tmp_path):
    made = maker_here(tmp_path)

    assert made.runtime == Runtime("tensorrt-rtx", "1.7.1.116", None)
    assert list(tmp_path.iterdir()) == [], "nothing is downloaded before it is needed"

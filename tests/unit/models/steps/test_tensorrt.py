"""What the step asks for and refuses; real engines are in the integration tests."""

from pathlib import Path

import pytest

from configs.steps import ProfileSpec, TensorrtStep
from models.errors import BuildFailed
from models.recipes.pieces import Piece
from models.steps import onnx_half, onnx_static
from models.steps.registry import STEPS
from models.steps.tensorrt import options_of, run
from models.tensorrt.engines import Runtime
from models.tensorrt.maker import Maker
from models.tensorrt.options import Bucket
from tests.tiny_bench import TinyBench


@pytest.fixture
def tiny(tmp_path):
    return TinyBench(tmp_path)


def attempt(tiny, source, **said):
    bench = tiny.bench({"step": "tensorrt", **said})
    return run(bench.recipe.steps[0], source, tiny.empty("target"), bench)


def after(tiny, function, **said):
    bench, target = tiny.bench(said), tiny.empty("before")
    function(bench.recipe.steps[0], tiny.source, target, bench)
    return Piece(target)


def test_profile_of_the_step_is_the_only_one():
    step = TensorrtStep(step="tensorrt", profile=ProfileSpec(min=2, opt=8, max=32))

    assert options_of(step).buckets == (Bucket(2, 8, 32),)


def test_only_onnx_becomes_an_engine(tiny):
    with pytest.raises(
        BuildFailed, match="tensorrt failed: only ONNX becomes an engine"
    ):
        attempt(tiny, Piece(tiny.empty("torch")))


def test_fp16_needs_half_before(tiny):
    with pytest.raises(
        BuildFailed, match="has no FP16 weights; put a step `half` before"
    ):
        attempt(tiny, tiny.source, precision="fp16")


def test_int8_for_cpu_is_refused_with_the_style_to_use(tiny):
    for_cpu = after(tiny, onnx_static.run, step="quantize-static", style="cpu")

    with pytest.raises(BuildFailed, match="use style: tensorrt in quantize-static"):
        attempt(tiny, for_cpu, precision="int8")


@pytest.mark.parametrize(
    ("function", "before", "precision"),
    [
        (onnx_half.run, {"step": "half"}, "fp16"),
        (onnx_static.run, {"step": "quantize-static", "style": "tensorrt"}, "int8"),
    ],
)
def test_engine_lies_in_the_target_with_its_label(
    tiny, monkeypatch, function, before, precision
):
    def call(request):
        Path(request["target"]).write_bytes(b"engine")
        return {"version": "1", "tensors": [], "profiles": []}

    def maker(home, progress):
        return Maker(Runtime("tensorrt-rtx", "1", None), home / "engines", call)

    monkeypatch.setattr("models.steps.tensorrt.maker_here", maker)
    bench = tiny.bench({"step": "tensorrt", "precision": precision})
    target = tiny.empty("target")

    facts = run(bench.recipe.steps[0], after(tiny, function, **before), target, bench)

    piece = Piece(target)
    assert (piece.form, piece.engine.read_bytes()) == ("engine", b"engine")
    names = ["engine.json", "model.engine", "model.onnx"]
    assert [file.name for file in piece.files()] == names
    assert facts["size_bytes"] == 6


def test_step_is_in_the_table():
    assert STEPS["tensorrt"].run == "models.steps.tensorrt:run"

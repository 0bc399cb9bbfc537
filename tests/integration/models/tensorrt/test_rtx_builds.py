"""Real engines by TensorRT-RTX, whose ahead-of-time builder needs no GPU.

Its libraries (95 MB) are kept below HEADWATER_HOME/envs and fetched once.
"""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest
from pydantic import TypeAdapter

from configs.catalogue import load_catalogue, packaged_catalogue
from configs.environment import load_environment
from configs.recipe import RecipeSpec
from configs.steps import TensorrtStep
from models.convert import to_onnx
from models.environments import ToolEnvironment
from models.errors import BuildFailed, ToolFailed
from models.materials import Materials
from models.recipes.bench import Bench, Rooms
from models.recipes.pieces import Piece
from models.sources import fetch
from models.steps import onnx_half, onnx_static, tensorrt
from models.tensorrt.engines import Runtime, open_engine
from models.tensorrt.gpu import find_gpu
from models.tensorrt.maker import RTX, RTX_VERSION, Maker, maker_here
from models.tensorrt.options import EngineOptions, buckets_of

NAME, DATASET = "efficientnet-lite0", "foolbox-imagenet"
OPTIONS = EngineOptions(buckets_of((1, 8, 32)))
ENGINE = TypeAdapter(TensorrtStep)
CATALOGUE = load_catalogue(packaged_catalogue())


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """A home of its own, but for the environments."""
    kept = load_environment().home / "envs"
    kept.mkdir(parents=True, exist_ok=True)
    made: Path = tmp_path_factory.mktemp("home")
    (made / "envs").symlink_to(kept)
    return made


@pytest.fixture(scope="module")
def rtx(home) -> Maker:
    """RTX even where TensorRT and a GPU are."""
    environment = ToolEnvironment(RTX, home / "envs")
    return Maker(
        Runtime("tensorrt-rtx", RTX_VERSION, None),
        home / "workshop" / "engines",
        lambda request: environment.call("models.tensorrt.worker", request, 300),
    )


@pytest.fixture(scope="module")
def lite0(home) -> Piece:
    spec = CATALOGUE.models[NAME]
    piece = Piece(home / "fp32")
    piece.folder.mkdir()
    assert spec.weights is not None
    weights = fetch(spec.weights, load_environment().home / "cache")
    to_onnx(spec, weights, piece.onnx)
    return piece


def bench(home: Path, step: Mapping[str, object]) -> Bench:
    said = {
        "id": "lite0-trt",
        "title": "An engine",
        "model": NAME,
        "variant": "engine",
        "source": {"model": NAME},
        "data": {"calibration": DATASET, "evaluation": [DATASET]},
        "steps": [step],
    }
    workshop = home / "workshop"
    rooms = Rooms(workshop / "scratch", workshop / "checkpoints", workshop / "logits")
    for folder in (rooms.scratch, rooms.checkpoints):
        folder.mkdir(parents=True, exist_ok=True)
    cache = load_environment().home / "cache"
    return Bench(
        recipe=RecipeSpec.model_validate(said),
        spec=CATALOGUE.models[NAME],
        materials=Materials(CATALOGUE, cache),
        rooms=rooms,
    )


def after(home: Path, function, source: Piece, **step: object) -> Piece:
    target = home / f"{step['step']}-{step.get('style', '')}"
    target.mkdir()
    working = bench(home, step)
    function(working.recipe.steps[0], source, target, working)
    return Piece(target)


@pytest.fixture(scope="module")
def int8_for_cpu(home, lite0) -> Piece:
    return after(home, onnx_static.run, lite0, step="quantize-static", style="cpu")


@pytest.fixture
def only_rtx(monkeypatch, rtx):
    monkeypatch.setattr(tensorrt, "maker_here", lambda home, progress: rtx)


def test_fp32_becomes_an_engine_with_three_profiles(rtx, lite0):
    engine = rtx.make(NAME, lite0.onnx, OPTIONS)

    assert engine.file.stat().st_size > 15e6
    assert engine.label["tensors"] == [
        {"name": "input", "role": "input", "datatype": "FLOAT",
         "shape": [-1, 3, 224, 224]},
        {"name": "logits", "role": "output", "datatype": "FLOAT", "shape": [-1, 1000]},
    ]  # fmt: skip
    assert [profile["max"] for profile in engine.label["profiles"]] == [1, 8, 32]
    assert open_engine(engine.folder, rtx.runtime) == engine


def test_engine_is_taken_from_the_cache(rtx, lite0):
    built = rtx.make(NAME, lite0.onnx, OPTIONS)

    def fail(request):
        raise AssertionError("nothing must be built")

    assert replace(rtx, call=fail).make(NAME, lite0.onnx, OPTIONS) == built


@pytest.mark.parametrize(
    ("function", "before", "precision", "most_bytes"),
    [
        (onnx_half.run, {"step": "half"}, "fp16", 12e6),
        (
            onnx_static.run,
            {"step": "quantize-static", "style": "tensorrt"},
            "int8",
            12e6,
        ),
    ],
    ids=["fp16", "int8"],
)
def test_step_makes_smaller_engines(
    home, lite0, only_rtx, function, before, precision, most_bytes
):
    source = after(home, function, lite0, **before)
    target = home / f"engine-{precision}"
    target.mkdir()
    step = {"step": "tensorrt", "precision": precision}

    facts = tensorrt.run(
        ENGINE.validate_python(step), source, target, bench(home, step)
    )

    assert Piece(target).engine.stat().st_size < most_bytes
    assert facts["runtime"] == {
        "kind": "tensorrt-rtx", "version": RTX_VERSION, "gpu": None,
    }  # fmt: skip


def test_asymmetric_int8_is_refused_by_the_step(home, int8_for_cpu, only_rtx):
    said = {"step": "tensorrt", "precision": "int8"}
    step, working = ENGINE.validate_python(said), bench(home, said)

    with pytest.raises(BuildFailed, match="use style: tensorrt in quantize-static"):
        tensorrt.run(step, int8_for_cpu, home / "x", working)


def test_asymmetric_int8_is_refused_by_the_library_in_the_same_words(rtx, int8_for_cpu):
    with pytest.raises(BuildFailed) as refused:
        rtx.make(NAME, int8_for_cpu.onnx, OPTIONS)

    assert "use style: tensorrt in quantize-static" in refused.value.reason
    assert "QuantizeLinear" in refused.value.reason


def test_file_that_is_no_onnx_is_refused_with_a_reason(rtx, tmp_path):
    broken = tmp_path / "broken.onnx"
    broken.write_bytes(b"this is no model")

    with pytest.raises((BuildFailed, ToolFailed), match="tensorrt-rtx"):
        rtx.make("broken", broken, OPTIONS)


@pytest.mark.skipif(find_gpu() is not None, reason="a GPU makes it possible")
def test_refit_without_a_gpu_says_what_it_needs(rtx, lite0):
    with pytest.raises(BuildFailed, match="with refit: true on a GPU only"):
        rtx.make(NAME, lite0.onnx, replace(OPTIONS, refit=True))


def test_this_machine_finds_its_maker(home):
    assert maker_here(home).runtime.kind in ("tensorrt", "tensorrt-rtx")

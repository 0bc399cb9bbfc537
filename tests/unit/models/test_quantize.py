"""INT8 from FP32: means are kept, and depthwise weights keep their bits."""

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper

from configs.catalogue import load_catalogue
from configs.model import CalibrationSpec
from models.bias import correct_biases, mean_error
from models.errors import BuildFailed
from models.imaging import normalise
from models.progress import Progress, silent
from models.quantize import (
    Calibration,
    Int8Form,
    calibrate,
    depthwise_weights,
    to_int8,
)
from models.runtime import Runner
from tests.tiny_vision import IMAGE, SIDE, make_tiny_vision

CROPS = np.random.default_rng(0).integers(0, 256, (24, SIDE, SIDE, 3), dtype=np.uint8)


@pytest.fixture
def fp32(tmp_path: Path) -> Path:
    make_tiny_vision(tmp_path)
    return tmp_path / "eye-a.onnx"


def quantized(
    fp32: Path,
    method: str = "minmax",
    reduce_range: bool = False,
    told: Progress = silent,
    crops: np.ndarray = CROPS,
) -> Path:
    spec = load_catalogue(fp32.parent / "catalogue").models["eye-a"]
    how = CalibrationSpec.model_validate({"dataset": "colours", "method": method})
    target = fp32.with_name("int8.onnx")
    to_int8(spec, fp32, target, Calibration(how, IMAGE, crops, reduce_range), told)
    return target


def int8_weights(model: Path) -> dict[str, np.ndarray]:
    return {
        held.name: numpy_helper.to_array(held)
        for held in onnx.load(model).graph.initializer
        if held.data_type == onnx.TensorProto.INT8 and len(held.dims) > 1
    }


@pytest.mark.parametrize("method", ["minmax", "entropy", "percentile"])
def test_every_method_gives_a_model_close_to_its_source(fp32, method):
    rows = normalise(CROPS, IMAGE)

    wanted = Runner(fp32).logits(rows)
    apart = Runner(quantized(fp32, method=method)).logits(rows) - wanted

    assert np.abs(apart).mean() < 0.05 * np.abs(wanted).mean()


def test_quantizer_leaves_the_terminal_alone(fp32, capfd):
    quantized(fp32, method="entropy")

    assert capfd.readouterr() == ("", "")


def test_progress_counts_the_photos(fp32):
    told: list[tuple[str, int, int]] = []

    quantized(fp32, told=lambda step, done, total: told.append((step, done, total)))

    assert told[-1] == ("calibrate", 24, 24)


def test_only_depthwise_convolutions_are_depthwise(fp32):
    assert depthwise_weights(fp32) == ("deep",)


def test_reduced_range_halves_what_may_saturate_and_nothing_else(fp32):
    target = quantized(fp32, reduce_range=True)

    largest = {
        name.removesuffix("_quantized"): int(np.abs(held.astype(int)).max())
        for name, held in int8_weights(target).items()
    }
    assert largest["full"] <= 64
    assert largest["last"] <= 64
    assert largest["deep"] == 127


def test_correction_takes_back_the_mean_error(fp32):
    rows = normalise(CROPS, IMAGE)
    int8 = quantized(fp32)
    _push_weights_off(int8)
    wanted = Runner(fp32).logits(rows).mean(axis=0)
    before = np.abs(Runner(int8).logits(rows).mean(axis=0) - wanted).max()

    mended = correct_biases(fp32, int8, [rows])

    after = np.abs(Runner(int8).logits(rows).mean(axis=0) - wanted).max()
    assert mended == 3
    assert after < before / 3


def test_mean_error_of_a_grouped_convolution_is_that_of_its_groups():
    draw = np.random.default_rng(1)
    off, mean = draw.normal(size=(6, 2, 3, 3)), draw.normal(size=4)
    layer = helper.make_node("Conv", ["x", "w", "b"], ["y"], group=2)

    found = mean_error(layer, off, mean)

    summed = off.sum(axis=(2, 3))
    wanted = np.concatenate([summed[:3] @ mean[:2], summed[3:] @ mean[2:]])
    assert found == pytest.approx(wanted)


@pytest.mark.parametrize("transposed", [0, 1])
def test_mean_error_of_a_matrix_product_is_the_product(transposed):
    off, mean = np.arange(6.0).reshape(2, 3), np.array([1.0, 2.0, 3.0])
    layer = helper.make_node("Gemm", ["x", "w", "b"], ["y"], transB=transposed)

    found = mean_error(layer, off if transposed else off.T, mean)

    assert found == pytest.approx(off @ mean)


def _push_weights_off(
    model: Path, weight: str = "last_quantized", by: float = 3
) -> None:
    """Move every weight of the last layer: an error with a large mean."""
    loaded = onnx.load(model)
    for held in loaded.graph.initializer:
        if held.name == weight:
            values = numpy_helper.to_array(held)
            moved = values.clip(-124, 124) + by
            held.CopyFrom(numpy_helper.from_array(moved.astype(values.dtype), weight))
    onnx.save(loaded, model)


def test_no_photos_are_refused(fp32):
    with pytest.raises(BuildFailed, match="colours has no photos to calibrate on"):
        quantized(fp32, crops=CROPS[:0])


def test_photos_of_another_size_are_refused(fp32):
    with pytest.raises(BuildFailed, match=r"takes rows of \[3, 8, 8\].*\[3, 6, 8\]"):
        quantized(fp32, crops=CROPS[:, :6])


@pytest.mark.parametrize("method", ["minmax", "percentile"])
def test_ranges_are_those_of_all_photos_however_many(fp32, method):
    few = np.full((2, SIDE, SIDE, 3), 0, np.uint8)
    few[1] = 255
    many = np.concatenate(
        [few] * 16 + [np.full((10 * 16, SIDE, SIDE, 3), 127, np.uint8)]
    )
    rows = normalise(few, IMAGE)

    wanted = Runner(fp32).logits(rows)
    apart = Runner(quantized(fp32, method, crops=many)).logits(rows) - wanted

    assert np.abs(apart).mean() < 0.05 * np.abs(wanted).mean()


def test_float_bias_takes_back_the_mean_error_too(fp32, tmp_path):
    how = Calibration(CalibrationSpec(dataset="colours"), IMAGE, CROPS, False)
    found = calibrate("eye-a", fp32, tmp_path, how)
    int8 = tmp_path / "symmetric.onnx"
    found.write(int8, Int8Form(False, style="tensorrt", bias_correction=False))
    rows = normalise(CROPS, IMAGE)
    wanted = Runner(fp32).logits(rows).mean(axis=0)
    _push_weights_off(int8, weight="last", by=0.1)
    before = np.abs(Runner(int8).logits(rows).mean(axis=0) - wanted).max()

    mended = correct_biases(fp32, int8, [rows])

    after = np.abs(Runner(int8).logits(rows).mean(axis=0) - wanted).max()
    assert mended == 3
    assert after < before / 3


def test_only_the_named_nodes_become_int8(fp32, tmp_path):
    how = Calibration(CalibrationSpec(dataset="colours"), IMAGE, CROPS, False)
    target = tmp_path / "one.onnx"

    calibrate("eye-a", fp32, tmp_path, how).write(target, Int8Form(False, only=("c2",)))

    assert set(int8_weights(target)) == {"deep_quantized"}

"""What the Edge TPU's compiler maps: the documented table, and failures in public."""

import numpy as np
import pytest

from configs.catalogue import packaged_catalogue
from configs.device import load_devices
from edge.readiness.classes import readiness
from edge.readiness.edge_tpu import fatal, predicted
from edge.readiness.findings import (
    DATATYPE,
    LIMITED,
    MAPPED,
    RANK,
    STRIDES,
    SUBGRAPH,
    UNSUPPORTED,
)
from models.litert.reading import read
from models.litert.versions import registry
from tests.tiny_lite import LiteFile, tiny_float, tiny_int8, with_buffers_outside

DEVICES = load_devices(packaged_catalogue())


def only(name, shape=(1, 4, 4, 8), out=None, datatype="INT8", **said):
    """A file of one operator."""
    file, constants = LiteFile(), said.pop("constants", ())
    first = file.tensor(shape, datatype, None, [0.1], [0])
    others = [
        file.tensor(np.shape(v), "INT32", np.asarray(v, np.int32)) for v in constants
    ]
    last = file.tensor(out or shape, datatype, None, [0.1], [0])
    file.op(name, [first, *others], [last], said.pop("version", 1), **said)
    return read(file.content([first], [last]))


def verdict(graph):
    (finding,) = predicted(graph)
    return finding.status


def test_int8_classifier_is_mapped_whole():
    found = readiness(read(tiny_int8()), DEVICES["edge-tpu"], 1000)

    assert (found.is_ready, found.mapped, found.total) == (True, 3, 3)
    assert found.reasons() == ()


@pytest.mark.parametrize(
    ("version", "operator"),
    [(6, "CONV_2D"), (4, "TRANSPOSE_CONV"), (2, "EXP")],
    ids=["edgetpu issue 631", "edgetpu issue 845", "libedgetpu issue 71"],
)
def test_version_that_the_compiler_refused_in_public_is_fatal(operator, version):
    assert registry("tensorflow-2.5.0")[operator] < version
    assert any(operator in reason for reason in fatal(only(operator, version=version)))


@pytest.mark.parametrize("operator", ["RELU", "RELU6", "LOGISTIC", "TANH", "QUANTIZE"])
def test_documented_operator_is_mapped(operator):
    assert verdict(only(operator)) == MAPPED


@pytest.mark.parametrize("operator", ["HARD_SWISH", "ARG_MAX", "GATHER", "CAST"])
def test_operator_outside_the_documented_table_is_not(operator):
    assert verdict(only(operator)) == UNSUPPORTED


def test_float_operator_works_on_a_datatype_that_is_not_supported():
    assert verdict(only("RELU", datatype="FLOAT32")) == DATATYPE


def test_lstm_may_keep_its_state_in_sixteen_bits():
    file = LiteFile()
    row, out = file.tensor((1, 8)), file.tensor((1, 8))
    state = file.tensor((1, 8), "INT16")
    file.op("UNIDIRECTIONAL_SEQUENCE_LSTM", [row, state], [out])

    assert verdict(read(file.content([row], [out]))) == MAPPED


LIMITS = {
    "activation fused into a pool": only(
        "MAX_POOL_2D", table="Pool2DOptions", fusedActivationFunction=1
    ),
    "unequal dilation": only(
        "CONV_2D", table="Conv2DOptions", dilationHFactor=2, dilationWFactor=1,
        constants=[np.zeros((8, 3, 3, 8))],
    ),
    "softmax over too many": only("SOFTMAX", shape=(1, 16001)),
    "softmax over too many rows": only("SOFTMAX", shape=(1, 64, 64, 8)),
    "mean over the batch": only("MEAN", out=(4, 4, 8), constants=[[0]]),
    "mean over a depth of 6": only(
        "MEAN", shape=(1, 4, 4, 6), out=(1, 4, 4), constants=[[3]]
    ),
    "sum over the batch": only("SUM", out=(4, 4, 8), constants=[[0]]),
    "resize by eight": only("RESIZE_BILINEAR", out=(1, 32, 32, 8), constants=[[32, 32]]),
    "full layer with many rows": only("FULLY_CONNECTED", out=(4, 8), constants=[
        np.zeros((8, 128))]),
}  # fmt: skip


@pytest.mark.parametrize("graph", LIMITS.values(), ids=LIMITS.keys())
def test_documented_limit_keeps_an_operator_on_the_cpu(graph):
    (finding,) = predicted(graph)

    assert finding.status == LIMITED
    assert finding.why
    assert finding.fix


def test_more_than_three_dimensions_are_called_an_unsupported_rank():
    """As of PACK in clsandoval/coral_tpu, tflite/model_edgetpu.log."""
    assert verdict(only("RELU", shape=(2, 4, 4, 8))) == RANK


def test_slice_with_stride_2_is_told_of_its_strides():
    """As in tetutaro/yolo_various_framework, weights/README.md."""
    ends = [[0, 0, 0, 0], [1, 4, 4, 8], [1, 2, 1, 1]]

    assert verdict(only("STRIDED_SLICE", out=(1, 2, 4, 8), constants=ends)) == STRIDES


def test_softmax_of_many_short_rows_is_mapped():
    """As in pperonski/KapiBara-ROS-2-Package, slim_edgetpu.log: 4420 rows of 2."""
    assert verdict(only("SOFTMAX", shape=(1, 4420, 2))) == MAPPED


def test_dilation_along_a_side_of_one_element_is_none():
    """As in fredriktegnell/edgetpu-tcn: kernel (3, 1), dilation (4, 1), mapped."""
    graph = only(
        "CONV_2D", table="Conv2DOptions", dilationHFactor=4, dilationWFactor=1,
        constants=[np.zeros((8, 3, 1, 8))],
    )  # fmt: skip

    assert verdict(graph) == MAPPED


ROWS = {
    "SSD MobileNet of COCO": ((1, 1917, 91), MAPPED),
    "SSDLite MobileDet of COCO": ((1, 2034, 91), MAPPED),
    "EfficientDet-Lite0 of three classes": ((1, 19206, 4), MAPPED),
    "EfficientDet-Lite4 of three classes": ((1, 57600, 3), LIMITED),
    "YOLO v8n at 640": ((1, 80, 8400), LIMITED),
}


@pytest.mark.parametrize(
    "operator", ["RESHAPE", "CONCATENATION", "LOGISTIC", "QUANTIZE"]
)
@pytest.mark.parametrize(("shape", "expected"), ROWS.values(), ids=ROWS.keys())
def test_one_row_has_a_largest_size(operator, shape, expected):
    """As in published reports; the two SSDs are taken to be mapped as published for it."""
    assert verdict(only(operator, shape=shape)) == expected


def test_resize_is_mapped_unless_it_has_more_than_two_million_elements():
    """As in kierankyllo/safety-vision, heavy_model, and google-coral/edgetpu issue 597."""
    fits, not_fits = (
        only("RESIZE_NEAREST_NEIGHBOR", shape=(1, side, side, depth),
             out=(1, 2 * side, 2 * side, depth), constants=[[2 * side, 2 * side]])
        for side, depth in ((40, 224), (512, 3))
    )  # fmt: skip

    assert (verdict(fits), verdict(not_fits)) == (MAPPED, LIMITED)


def test_many_rows_may_be_reshaped_unless_there_are_more_than_a_million_elements():
    """As in Sandhya1708/modelnew: of the three heads the largest is not mapped."""
    fits, not_fits = (
        only("RESHAPE", shape=(1, side, side, 255), out=(1, side * side, 3, 85))
        for side in (40, 80)
    )

    assert (verdict(fits), verdict(not_fits)) == (MAPPED, LIMITED)


def test_mean_over_pixels_is_mapped():
    assert verdict(only("MEAN", out=(1, 8), constants=[[1, 2]])) == MAPPED


def test_what_comes_after_an_operator_on_the_cpu_stays_there():
    file = LiteFile()
    a, b, c, d = (file.tensor((1, 4, 4, 8), "INT8", None, [0.1], [0]) for _ in range(4))
    file.op("RELU", [a], [b])
    file.op("HARD_SWISH", [b], [c])
    file.op("RELU6", [c], [d])

    found = predicted(read(file.content([a], [d])))

    assert [one.status for one in found] == [MAPPED, UNSUPPORTED, SUBGRAPH]


def test_floats_at_the_ends_do_not_end_the_mapped_part():
    """The compiler's words as in system-software-lab/nrf20, edgetpu_log_comp."""
    file = LiteFile()
    a, d = (file.tensor((1, 8), "FLOAT32") for _ in range(2))
    b, c = (file.tensor((1, 8), "INT8", None, [0.1], [0]) for _ in range(2))
    file.op("QUANTIZE", [a], [b])
    file.op("RELU", [b], [c])
    file.op("DEQUANTIZE", [c], [d])

    found = predicted(read(file.content([a], [d])))

    assert [one.status for one in found] == [LIMITED, MAPPED, DATATYPE]


def test_operator_on_the_cpu_before_the_mapped_part_keeps_nothing_from_it():
    """As google-coral/edgetpu issue 597 reports: after a large resize CONV_2D is mapped."""
    file = LiteFile()
    a, b, c = (file.tensor((1, 4, 4, 8), "INT8", None, [0.1], [0]) for _ in range(3))
    file.op("HARD_SWISH", [a], [b])
    file.op("RELU", [b], [c])

    found = predicted(read(file.content([a], [c])))

    assert [one.status for one in found] == [UNSUPPORTED, MAPPED]


def test_custom_operator_on_floats_is_of_a_wrong_datatype():
    """As TFLite_Detection_PostProcess in kierankyllo/safety-vision."""
    file = LiteFile()
    a, b = (file.tensor((1, 8), "FLOAT32") for _ in range(2))
    file.op("CUSTOM", [a], [b], custom="TFLite_Detection_PostProcess")

    assert verdict(read(file.content([a], [b]))) == DATATYPE


def test_full_layer_with_a_scale_for_each_output_is_fatal():
    (reason,) = fatal(read(tiny_int8(per_channel_full=True)))

    assert "quantize it with one scale" in reason


def test_weights_outside_the_flatbuffer_are_fatal():
    (reason,) = fatal(read(with_buffers_outside(tiny_int8())))

    assert "outside the flatbuffer" in reason


def test_varying_shape_is_fatal():
    file = LiteFile()
    a, b = (file.tensor((1, 8), "INT8", None, [0.1], [0]) for _ in range(2))
    file.graph.tensors[a].shapeSignature = [-1, 8]
    file.op("RELU", [a], [b])

    assert any("vary in shape" in one for one in fatal(read(file.content([a], [b]))))


def test_float_file_is_told_to_be_quantized():
    found = readiness(read(tiny_float()), DEVICES["edge-tpu"], 1000)

    assert not found.is_ready
    assert found.mapped == 0
    assert any("quantize all of it to INT8" in reason for reason in found.reasons())


def test_weights_beyond_the_cache_are_warned_of():
    device = DEVICES["edge-tpu"].model_copy(update={"cache_bytes": 64})

    found = readiness(read(tiny_int8()), device, 1000)

    assert found.is_ready
    assert any("do not fit the cache" in warning for warning in found.warnings)

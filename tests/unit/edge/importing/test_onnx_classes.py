"""An .onnx over device classes: who runs it, and what stands against a conversion."""

from dataclasses import replace

import pytest

from configs.catalogue import packaged_catalogue
from configs.device import load_devices
from edge.importing.counterparts import LITERT
from edge.importing.kernels import kernels, limits, opset
from edge.importing.onnx_classes import End, OnnxFile, OnnxOp, verdict
from edge.importing.verdicts import COSTS
from models.litert.cost import Cost
from models.litert.versions import registry

DEVICES = load_devices(packaged_catalogue())
ORT = [name for name, device in DEVICES.items() if device.runtime_of("ort")]
SMALL = Cost(1_000_000, 4000, 8000)


def a_file(*ops, datatype="float32", shape=(1, 3, 8, 8), cost=SMALL, weights=1000):
    ends = (End("input", datatype, shape), End("output", "float32", (1, 4)))
    return OnnxFile(ops or (OnnxOp("Conv", 11),), ends, 5000, weights, cost)


def reasons(file, device):
    return " | ".join(verdict(file, DEVICES[device])["reasons"])


@pytest.mark.parametrize("device", ORT)
def test_class_with_onnx_runtime_runs_the_file_as_it_is(device):
    found = verdict(a_file(), DEVICES[device])

    assert (found["ready"], found["mapped"], found["total"]) == (True, 1, 1)
    assert found["macs"] == 1_000_000
    assert not found["needs_conversion"]


@pytest.mark.parametrize("device", sorted(set(DEVICES) - set(ORT)))
def test_every_other_class_needs_a_conversion_and_says_to_what(device):
    found = verdict(a_file(), DEVICES[device])

    assert (found["ready"], found["mapped"], found["total"]) == (False, 0, 1)
    assert found["needs_conversion"]
    assert found["reasons"][0].startswith("needs_conversion: the class takes ")
    assert all(found[key] is None for key in COSTS)


def test_operator_that_the_runtime_lacks_is_named():
    file = a_file(OnnxOp("Conv", 11), OnnxOp("com.microsoft:Imagined", 1))

    found = verdict(file, DEVICES["android-onnx"])

    assert (found["ready"], found["mapped"], found["total"]) == (False, 1, 2)
    assert "1 x com.microsoft:Imagined: onnxruntime-" in found["reasons"][0]


def test_version_that_is_newer_than_the_runtime_says_what_to_export_for():
    runtime = DEVICES["android-onnx"].runtime_of("ort")
    assert runtime is not None

    told = reasons(a_file(OnnxOp("Conv", 99)), "android-onnx")

    highest = kernels(runtime)["Conv"]
    assert f"version 99 is newer than {highest} of {runtime}" in told
    assert f"export it for opset {opset(runtime)}" in told


@pytest.mark.parametrize(
    ("said", "told"),
    [
        (
            {"opsets": {"ai.onnx": 22}},
            "opset 22 of ai.onnx is newer than 21 of onnxruntime-1.18; "
            "export it for opset 21",
        ),
        (
            {"opsets": {"ai.onnx": 21, "ai.onnx.ml": 6}},
            "opset 6 of ai.onnx.ml is newer than 5 of onnxruntime-1.18; "
            "export it for opset 5",
        ),
        (
            {"ir_version": 11},
            "IR version 11 is newer than 10 of onnxruntime-1.18; "
            "save it with ir_version 10",
        ),
    ],
)
def test_file_that_the_runtime_does_not_open_is_not_ready(said, told):
    old = DEVICES["android-onnx"].model_copy(update={"runtimes": ("onnxruntime-1.18",)})

    found = verdict(replace(a_file(), **said), old)

    assert (found["ready"], found["mapped"], found["total"]) == (False, 1, 1)
    assert found["reasons"] == [told]


def test_newest_file_that_the_runtime_opens_is_ready():
    opsets = {"ai.onnx": 21, "ai.onnx.ml": 5, "org.somebody": 99}
    file = replace(a_file(), opsets=opsets, ir_version=10)
    old = DEVICES["android-onnx"].model_copy(update={"runtimes": ("onnxruntime-1.18",)})

    assert verdict(file, old)["ready"]


def test_what_older_releases_open_is_not_known():
    assert limits("onnxruntime-1.17") is None
    assert opset("onnxruntime-1.17") == 0


def test_operators_that_are_not_counted_are_named():
    file = replace(a_file(cost=None), uncounted=("ConvTranspose", "LSTM"))

    warnings = verdict(file, DEVICES["android-onnx"])["warnings"]

    assert warnings == [
        "what a run costs is not known: ConvTranspose, LSTM not counted"
    ]


def test_operator_that_others_compose_needs_no_kernel():
    file = a_file(OnnxOp("HardSwish", 14, is_composed=True), OnnxOp("Constant", 13))

    assert verdict(file, DEVICES["android-onnx"])["ready"]
    assert not verdict(a_file(OnnxOp("HardSwish", 14)), DEVICES["android-onnx"])[
        "ready"
    ]


def test_types_and_memory_are_held_against_the_class():
    large = a_file(datatype="int64", cost=Cost(1, 1, 1 << 40))

    told = reasons(large, "android-onnx")

    assert "input is int64, must be float32" in told
    assert f"a run needs {1 << 40} bytes of tensors" in told


def test_shapes_that_vary_are_a_warning_and_leave_the_cost_open():
    found = verdict(a_file(shape=(None, 3, 8, 8), cost=None), DEVICES["android-onnx"])

    assert found["ready"]
    assert found["estimate_ms"] is None
    assert any("one was taken for what varies" in one for one in found["warnings"])


def test_what_stands_against_a_conversion_is_said_of_the_class():
    file = a_file(OnnxOp("GridSample", 20), OnnxOp("Gather", 13), shape=(None, 3, 8, 8))

    tpu, mobile = reasons(file, "edge-tpu"), reasons(file, "mobile")

    assert "input is float32, must be int8 or uint8" in tpu
    assert "shapes vary, as [None, 3, 8, 8]; export fixed ones" in tpu
    assert "1 x Gather: it becomes GATHER, which the class has not" in tpu
    assert "1 x GridSample: LiteRT has none like it" in mobile
    assert "Gather:" not in mobile


def test_rounding_stands_against_no_conversion():
    told = reasons(a_file(OnnxOp("QuantizeLinear", 13)), "edge-tpu")

    assert "QuantizeLinear" not in told


def test_weights_that_do_not_fit_even_in_int8_are_said():
    assert "weights do not fit even in INT8" in reasons(
        a_file(weights=1 << 30), "microcontroller"
    )


@pytest.mark.parametrize("device", ORT)
def test_kernels_are_known_for_the_runtime_of_every_class(device):
    runtime = DEVICES[device].runtime_of("ort")

    assert runtime is not None
    assert kernels(runtime)["Conv"] >= 11
    assert opset(runtime) >= 21


def test_newer_release_counts_only_from_its_own_version_on():
    assert "RotaryEmbedding" not in kernels("onnxruntime-1.23")
    assert kernels("onnxruntime-1.24")["RotaryEmbedding"] == 23
    assert kernels("onnxruntime-1.2") == {}


def test_every_counterpart_is_an_operator_of_litert():
    assert set(LITERT.values()) <= set(registry("litert-2.3.0"))

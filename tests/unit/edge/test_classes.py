"""Device classes without an accelerator: operators, ends, memory, time."""

import pytest

from configs.catalogue import packaged_catalogue
from configs.device import load_devices
from configs.errors import ConfigError
from edge.readiness.classes import estimate_ms, readiness
from edge.readiness.micro import as_c_array
from models.litert.cost import Cost, cost
from models.litert.edges import with_uint8_ends
from models.litert.reading import read, read_file
from tests.tiny_lite import LiteFile, put, tiny_float, tiny_int8

DEVICES = load_devices(packaged_catalogue())
INT8, FLOAT = read(tiny_int8()), read(tiny_float())


def custom():
    file = LiteFile()
    first, last = file.tensor((1, 4)), file.tensor((1, 4))
    file.op("CUSTOM", [first], [last], custom="MyOwn")
    return read(file.content([first], [last]))


LITERT = [device for device in DEVICES.values() if device.litert is not None]


@pytest.mark.parametrize("device", LITERT, ids=lambda device: device.id)
def test_small_int8_classifier_runs_everywhere(device):
    assert readiness(INT8, device, 4000).is_ready


@pytest.mark.parametrize("device", ["mobile", "linux-arm"])
def test_float_runs_where_float_is_taken(device):
    assert readiness(FLOAT, DEVICES[device], 4000).is_ready


def test_microcontroller_takes_no_float():
    found = readiness(FLOAT, DEVICES["microcontroller"], 4000)

    assert any("computes in float" in reason for reason in found.reasons())


def test_microcontroller_takes_no_uint8_ends(tmp_path):
    with_uint8_ends(put(tmp_path, tiny_int8()), tmp_path / "ends.tflite")

    found = readiness(
        read_file(tmp_path / "ends.tflite"), DEVICES["microcontroller"], 1
    )

    assert found.fatal == (
        "input is uint8, must be int8 or float32",
        "output is uint8, must be int8 or float32",
    )


def test_custom_operator_is_named_where_no_runtime_has_it():
    found = readiness(custom(), DEVICES["mobile"], 1)

    assert not found.is_ready
    assert found.reasons() == (
        "1 x MyOwn: the runtime has none; it needs an operator of the application's own",
    )


@pytest.mark.parametrize("device", ["executorch-mobile", "android-onnx"])
def test_class_without_litert_says_what_it_takes(device):
    found = readiness(INT8, DEVICES[device], 1)

    (reason,) = found.reasons()
    assert (found.mapped, found.total) == (0, 3)
    assert f"runs no .tflite files; it takes {DEVICES[device].forms[0]}" in reason


def test_version_newer_than_the_runtime_is_named():
    graph = read(tiny_int8(conv_version=8))

    found = readiness(graph, DEVICES["linux-arm"], 1)

    assert found.reasons() == (
        "1 x CONV_2D: version 8 is newer than 7; write it in older words",
    )


def test_tensors_that_do_not_fit_are_counted():
    device = DEVICES["microcontroller"].model_copy(update={"memory_bytes": 100})

    (reason,) = readiness(INT8, device, 1).fatal

    assert reason.endswith("there are 100")


def test_file_that_does_not_fit_is_counted():
    found = readiness(INT8, DEVICES["microcontroller"], 1 << 30)

    assert "the file has" in found.fatal[0]


def test_estimate_is_multiplications_over_the_rate_of_the_class():
    device = DEVICES["microcontroller"]

    took = estimate_ms(INT8, device, cost(INT8))

    rate = device.throughput.macs_per_s["int8"]
    assert took == pytest.approx(1000 * cost(INT8).macs / rate)


def test_weights_that_are_streamed_cost_time():
    device = DEVICES["edge-tpu"].model_copy(update={"cache_bytes": 1000})
    streamed = Cost(macs=0, weights_bytes=1000 + 3_000_000, arena_bytes=0)

    took = estimate_ms(INT8, device, streamed)

    assert took == pytest.approx(1000 * 3_000_000 / device.throughput.bytes_per_s)


def test_slow_class_is_warned_of():
    device = DEVICES["mobile"].model_copy(update={"latency_budget_ms": 1e-9})

    (warning,) = readiness(INT8, device, 1).warnings

    assert warning.startswith("estimated")


def test_c_array_holds_every_byte():
    text = as_c_array(bytes(range(20)), "digits_model")

    assert "const uint8_t digits_model[]" in text
    assert "0x00, 0x01" in text
    assert "0x13," in text
    assert "digits_model_len = 20;" in text


def test_device_whose_name_is_not_its_file_is_refused(tmp_path):
    folder = tmp_path / "devices"
    folder.mkdir()
    text = (packaged_catalogue() / "devices" / "mobile.yaml").read_text()
    (folder / "other.yaml").write_text(text)

    with pytest.raises(ConfigError, match="must be 'other', got 'mobile'"):
        load_devices(tmp_path)

"""Files for phones held against device classes by what their checks declare."""

import pytest

from configs.catalogue import packaged_catalogue
from configs.device import DeviceSpec, load_devices
from edge.readiness.declared import declared, foreign
from tests.fakes_mobile import checks

DEVICES = load_devices(packaged_catalogue())


def test_file_of_a_form_that_the_class_takes_is_ready():
    found = declared(checks(), DEVICES["executorch-mobile"], 1000)

    assert (found.is_ready, found.mapped, found.total) == (True, 5, 5)


@pytest.mark.parametrize("device", ["mobile", "edge-tpu", "microcontroller"])
def test_class_without_the_runtime_says_what_it_takes(device):
    found = declared(checks(), DEVICES[device], 1000)

    assert "it is executorch, the class takes litert" in found.reasons()


def test_operator_on_plain_kernels_is_warned_of():
    found = declared(checks(), DEVICES["executorch-mobile"], 1000)

    assert found.warnings == ("1 x pad run on plain kernels",)


def test_newer_runtime_than_the_class_has_is_named():
    found = declared(
        checks(runtime="executorch-1.6.0"), DEVICES["executorch-mobile"], 1
    )

    assert found.fatal == (
        "it was proved with executorch-1.6.0, the class may have executorch-1.4",
    )


def test_newer_patch_of_the_same_runtime_is_no_hindrance():
    assert declared(checks(runtime="executorch-1.4.9"), DEVICES["android"], 1).is_ready


def test_oldest_runtime_that_gave_the_same_answers_counts():
    said = checks(runtime="executorch-1.6.0", oldest={"runtime": "executorch-1.4.0"})

    assert declared(said, DEVICES["android"], 1).is_ready


def test_oldest_runtime_that_refused_the_file_says_why():
    oldest = {"runtime": "executorch-1.4.0", "refusal": "no operator gelu"}

    found = declared(
        checks(runtime="executorch-1.6.0", oldest=oldest), DEVICES["android"], 1
    )

    assert found.fatal == (
        "it was proved with executorch-1.6.0, the class may have executorch-1.4: "
        "executorch-1.4.0 says no operator gelu",
    )


@pytest.mark.parametrize(("specification", "ready"), [(7, True), (8, True), (9, False)])
def test_package_is_for_systems_that_read_its_specification(specification, ready):
    said = checks("coreml", "coremltools-9.0", specification=specification)

    assert declared(said, DEVICES["ios"], 1).is_ready == ready


def test_what_nothing_ran_is_said():
    said = checks("coreml", "coremltools-9.0", specification=8, caveat="nobody ran it")

    assert "nobody ran it" in declared(said, DEVICES["ios"], 1).warnings


def test_ends_must_be_what_the_class_takes():
    device = DEVICES["executorch-mobile"].model_copy(update={"inputs": ("int8",)})

    assert declared(checks(), device, 1).fatal == ("input is float32, must be int8",)


def test_room_is_counted():
    device = DEVICES["executorch-mobile"].model_copy(
        update={"storage_bytes": 10, "memory_bytes": 100}
    )

    assert len(declared(checks(), device, 11).fatal) == 2


def test_estimate_is_made_with_the_rate_of_what_it_computes_with():
    rates = DEVICES["ios"].throughput.macs_per_s

    took = {
        word: declared(checks(arithmetic=word), DEVICES["ios"], 1).estimate_ms
        for word in rates
    }

    assert took == {word: pytest.approx(3e9 / rate) for word, rate in rates.items()}
    assert set(took) == {"int8", "float16", "float32"}


def test_form_that_no_device_takes_is_refused():
    found = foreign("onnx", DEVICES["android"])

    assert not found.is_ready
    assert found.fatal == (
        "onnx is no form for devices, the class takes litert or executorch or ort",
    )


def test_class_with_two_runtimes_for_one_form_is_refused():
    said = DEVICES["mobile"].model_dump(mode="json")

    with pytest.raises(ValueError, match="one for each form"):
        DeviceSpec.model_validate(
            {**said, "runtimes": ["litert-2.3.0", "litert-micro"]}
        )

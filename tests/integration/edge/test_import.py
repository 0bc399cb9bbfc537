"""Files of others through the command: usable, or one named reason; never a crash."""

import json

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from configs.catalogue import packaged_catalogue
from configs.device import load_devices
from edge.importing import inspector
from edge.importing.inspector import HDF5, Converters, inspect
from models.errors import ToolFailed
from serve_app.cli.main import app
from tests.tiny_lite import LiteFile, put, tiny_float, tiny_int8, with_buffers_outside

DEVICES = load_devices(packaged_catalogue())
WHOLE = tiny_int8()


def reason(folder, content, name="model.tflite"):
    found = inspect(put(folder, content, name), DEVICES)
    assert not found.is_usable
    return found.reason["code"]


def one_op(name, shape=(1, 4), datatype="FLOAT32", **said):
    file = LiteFile()
    first, last = file.tensor(shape, datatype), file.tensor(shape, datatype)
    file.op(name, [first], [last], **said)
    return file.content([first], [last])


def scrambled(seed):
    draw = np.random.default_rng(seed)
    content = bytearray(WHOLE)
    for place in draw.integers(8, len(content), 60):
        content[place] = int(draw.integers(0, 256))
    return bytes(content)


GARBAGE = {
    "no bytes": b"",
    "three bytes": b"TFL",
    "text": b"this is no model at all, only words",
    "the magic alone": b"\x1c\0\0\0TFL3",
    "the magic and noise": b"\x1c\0\0\0TFL3" + np.random.default_rng(1).bytes(4000),
    "the first half": WHOLE[: len(WHOLE) // 2],
    "all but the end": with_buffers_outside(WHOLE)[:-40],
    "custom operator": one_op("CUSTOM", custom="MyOwn"),
    "operator of no runtime": one_op("RELU", version=99),
    "tensor of terabytes": one_op("RELU", shape=(1 << 20, 1 << 20)),
    "tensor of gigabytes": one_op("RELU", shape=(1, 1 << 31 - 1)),
    "whole numbers where floats belong": one_op("RELU", datatype="STRING"),
}


@pytest.mark.parametrize("content", GARBAGE.values(), ids=GARBAGE.keys())
def test_garbage_has_one_named_reason(tmp_path, content):
    assert reason(tmp_path, content).replace("_", "").isalpha()


@pytest.mark.parametrize("seed", range(4))
def test_scrambled_file_is_usable_or_named_and_nothing_crashes(tmp_path, seed):
    found = inspect(put(tmp_path, scrambled(seed)), DEVICES)

    assert found.is_usable or found.reason["detail"]


@settings(
    max_examples=8,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    changes=st.lists(
        st.tuples(st.integers(0, len(WHOLE) - 1), st.integers(0, 255)),
        min_size=1,
        max_size=30,
    )
)
def test_any_change_gives_a_verdict(tmp_path, changes):
    content = bytearray(WHOLE)
    for place, value in changes:
        content[place] = value

    found = inspect(put(tmp_path, bytes(content)), DEVICES)

    assert found.is_usable or found.reason["code"]


@pytest.mark.parametrize("content", [WHOLE, tiny_float()], ids=["int8", "float"])
def test_sound_file_is_usable_in_every_class_that_takes_it(tmp_path, content):
    found = inspect(put(tmp_path, content), DEVICES)

    assert found.reason == {}
    assert found.facts["classes"]["mobile"]["ready"]
    assert found.facts["golden"][0]["shape"] == [1, 4]


def test_verdict_on_the_edge_tpu_counts_operators_and_says_why(tmp_path):
    found = inspect(put(tmp_path, tiny_float()), DEVICES)

    verdict = found.facts["classes"]["edge_tpu"]
    assert (verdict["mapped"], verdict["total"]) == (0, 3)
    assert any("quantize all of it" in reason for reason in verdict["reasons"])


def test_golden_answers_are_the_same_when_asked_again(tmp_path):
    file = put(tmp_path, WHOLE)
    inspect(file, DEVICES, tmp_path / "one.npz")
    inspect(file, DEVICES, tmp_path / "two.npz")

    with np.load(tmp_path / "one.npz") as one, np.load(tmp_path / "two.npz") as two:
        assert sorted(one) == sorted(two)
        assert all(np.array_equal(one[name], two[name]) for name in one)


def test_answers_that_cannot_be_written_are_a_reason(tmp_path):
    found = inspect(put(tmp_path, WHOLE), DEVICES, tmp_path / "gone" / "golden.npz")

    assert found.reason["code"] == "unwritable"


def test_keras_file_without_a_converter_is_told_to_be_converted(tmp_path):
    assert reason(tmp_path, HDF5 + bytes(90), "m.h5") == "needs_conversion"


def test_keras_file_that_is_none_needs_no_converter(tmp_path):
    found = inspect(put(tmp_path, b"PK", "m.h5"), DEVICES, converters=Converters(never))

    assert found.reason["code"] == "not_h5"


def never(file, target):
    raise AssertionError("it was asked to convert")


def test_keras_file_is_judged_by_what_becomes_of_it(tmp_path):
    def convert(file, target):
        target.write_bytes(tiny_float())
        return {}

    found = inspect(
        put(tmp_path, HDF5, "m.h5"), DEVICES, converters=Converters(convert)
    )

    assert found.reason == {}
    assert found.facts["format"] == "h5"
    assert found.facts["converted"]["size_bytes"] == len(tiny_float())
    assert found.facts["classes"]["mobile"]["ready"]


def test_converter_that_refuses_is_quoted(tmp_path):
    said = {"refused": {"code": "damaged", "detail": "no such layer"}}

    found = inspect(
        put(tmp_path, HDF5, "m.h5"), DEVICES, converters=Converters(lambda *_: said)
    )

    assert found.reason == {"code": "damaged", "detail": "no such layer"}


def test_environment_that_cannot_be_made_is_a_reason(tmp_path):
    def convert(file, target):
        raise ToolFailed("tensorflow", "installing it", "no such wheel")

    found = inspect(
        put(tmp_path, HDF5, "m.h5"), DEVICES, converters=Converters(convert)
    )

    assert found.reason["code"] == "not_installed"
    assert "no such wheel" in found.reason["detail"]


def test_file_that_is_not_there_is_unreadable(tmp_path):
    found = inspect(tmp_path / "gone.tflite", DEVICES)

    assert found.reason["code"] == "unreadable"


def test_link_is_named_by_itself_not_by_what_it_leads_to(tmp_path):
    link = tmp_path / "model.tflite"
    link.symlink_to(put(tmp_path, WHOLE, "blob"))

    assert inspect(link, DEVICES).reason == {}


def test_another_ending_is_an_unknown_format(tmp_path):
    assert reason(tmp_path, b"MZ", "model.exe") == "unknown_format"


@pytest.mark.parametrize(
    ("name", "code", "timeout_s"),
    [("abort.tflite", "crashes", 300), ("endless.tflite", "too_slow", 3)],
)
def test_process_that_ends_badly_or_never_is_a_reason(
    tmp_path, monkeypatch, name, code, timeout_s
):
    monkeypatch.setattr(inspector, "WORKER", "tests.fakes_edge")

    found = inspect(put(tmp_path, WHOLE, name), DEVICES, timeout_s=timeout_s)

    assert found.reason["code"] == code


def test_command_ends_with_0_and_prints_json(tmp_path):
    file = put(tmp_path, WHOLE)

    result = CliRunner().invoke(app, ["edge", "import", str(file), "--json"])

    said = json.loads(result.stdout)
    assert result.exit_code == 0
    assert said["usable"]
    assert said["classes"]["edge_tpu"] == {
        **said["classes"]["edge_tpu"], "mapped": 3, "total": 3, "reasons": [],
    }  # fmt: skip


def test_command_ends_with_2_and_one_reason(tmp_path):
    file = put(tmp_path, WHOLE[:60])

    result = CliRunner().invoke(app, ["edge", "import", str(file)])

    assert result.exit_code == 2
    assert "not usable: model.tflite:" in result.stderr
    assert "Traceback" not in result.output

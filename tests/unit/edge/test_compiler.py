"""The compiler's report, and predictions held to it."""

import os
import stat
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.readiness.compiler import compiled, held_to, held_to_twin, read_report
from edge.readiness.edge_tpu import predicted
from edge.readiness.findings import Status
from models.errors import ToolFailed
from models.litert.reading import read
from tests.tiny_lite import LiteFile, put, tiny_int8

REPORT = """Edge TPU Compiler version 16.0.384591198
Started a compilation timeout timer of 180 seconds.

Model compiled successfully in 3173 ms.

Input model: m.tflite
Number of Edge TPU subgraphs: 1
Total number of operations: 294
Operation log: m_edgetpu.log

Model successfully compiled but not all operations are supported by the Edge TPU.
Number of operations that will run on Edge TPU: 3
Number of operations that will run on CPU: 2

Operator                       Count      Status

CONV_2D                        1          Mapped to Edge TPU
MEAN                           1          Mapped to Edge TPU
FULLY_CONNECTED                1          Mapped to Edge TPU
HARD_SWISH                     2          Operation not supported
"""
REFUSAL = "ERROR: Didn't find op for builtin opcode 'CONV_2D' version '6'\nInvalid model: m.tflite\n"


def with_hard_swish(times):
    file = LiteFile()
    tensors = [file.tensor((1, 8), "INT8", None, [0.1], [0]) for _ in range(times + 1)]
    for number in range(times):
        file.op("HARD_SWISH", [tensors[number]], [tensors[number + 1]])
    return read(file.content([tensors[0]], [tensors[-1]]))


def fake_compiler(folder, monkeypatch, script):
    file = folder / "edgetpu_compiler"
    file.write_text(f"#!/bin/sh\n{script}\n")
    file.chmod(file.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")


def test_report_is_read_row_by_row():
    report = read_report(REPORT)

    assert report.rows["HARD_SWISH", "Operation not supported"] == 2
    assert (report.on_tpu, report.on_cpu, report.failures) == (3, 2, ())


def test_report_names_its_compiler():
    assert read_report(REPORT).version == "16.0.384591198"


@pytest.mark.parametrize(
    "status",
    [
        "Tensor has unsupported rank (up to 3 innermost dimensions mapped)",
        "Only Strided-Slice with unitary strides supported",
        "Image-interpolation layer won't run precisely enough on Edge TPU",
    ],
    ids=["clsandoval/coral_tpu", "tetutaro/yolo_various_framework", "edgetpu issue 63"],
)
def test_rarer_words_of_the_compiler_are_read(status):
    report = read_report(f"PACK                           4          {status}\n")

    assert report.rows == {("PACK", status): 4}
    assert (report.on_tpu, report.on_cpu) == (0, 4)


names = st.text("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_", min_size=1, max_size=30)
tables = st.dictionaries(
    st.tuples(names, st.sampled_from(get_args(Status))), st.integers(1, 999)
)


@given(tables, st.integers(1, 12))
def test_any_table_is_read_as_it_was_written(table, gap):
    lines = (
        f"{name}{' ' * gap}{count}{' ' * gap}{status}"
        for (name, status), count in table.items()
    )

    assert read_report("\n".join(lines)).rows == table


def test_refusal_is_read_as_such():
    report = read_report(REFUSAL)

    assert not report.rows
    assert report.failures[0].startswith("ERROR: Didn't find op")
    assert report.failures[1] == "Invalid model: m.tflite"


def test_prediction_that_is_right_has_full_precision_and_recall():
    agreed = held_to(predicted(with_hard_swish(2)), read_report(REPORT))

    assert (agreed.precision, agreed.recall) == (1.0, 1.0)


def test_missed_fall_back_lowers_recall_alone():
    agreed = held_to(predicted(with_hard_swish(1)), read_report(REPORT))

    assert (agreed.precision, agreed.recall) == (1.0, 0.5)


def test_false_alarm_lowers_precision_alone():
    agreed = held_to(predicted(with_hard_swish(4)), read_report(REPORT))

    assert (agreed.precision, agreed.recall) == (0.5, 1.0)


def test_custom_operator_is_held_to_the_row_that_calls_it_so():
    """As in kierankyllo/safety-vision, model_edgetpu.log."""
    file = LiteFile()
    a, b = (file.tensor((1, 8), "FLOAT32") for _ in range(2))
    file.op("CUSTOM", [a], [b], custom="TFLite_Detection_PostProcess")
    found = predicted(read(file.content([a], [b])))
    status = "Operation is working on an unsupported data type"

    agreed = held_to(found, read_report(f"CUSTOM     1     {status}"))

    assert found[0].operator == "TFLite_Detection_PostProcess"
    assert (agreed.right, agreed.foretold, agreed.fell_back) == (1, 1, 1)


def test_prediction_is_held_to_what_a_compiled_file_still_holds():
    file = LiteFile()
    a, b, c = (file.tensor((1, 8), "INT8", None, [0.1], [0]) for _ in range(3))
    file.op("CUSTOM", [a], [b], custom="edgetpu-custom-op")
    file.op("HARD_SWISH", [b], [c])
    twin = read(file.content([a], [c]))

    agreed = held_to_twin(predicted(with_hard_swish(1)), twin)

    assert (agreed.right, agreed.fell_back, agreed.foretold) == (1, 1, 1)


def test_without_the_compiler_there_is_no_report(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))

    assert compiled(put(tmp_path, tiny_int8())) is None


def test_compiler_on_path_is_run_and_read(tmp_path, monkeypatch):
    (tmp_path / "report.txt").write_text(REPORT)
    fake_compiler(tmp_path, monkeypatch, f"cat {tmp_path}/report.txt")

    report = compiled(put(tmp_path, tiny_int8()))

    assert report is not None
    assert report.on_cpu == 2


def test_compiler_that_says_nothing_is_an_error(tmp_path, monkeypatch):
    fake_compiler(tmp_path, monkeypatch, "exit 9")

    with pytest.raises(ToolFailed, match="code 9"):
        compiled(put(tmp_path, tiny_int8()))

"""The published reports that lie beside the code."""

import re
from typing import get_args

import pytest

from benchmarks.edge_tpu_logs.proof import contradictions
from benchmarks.edge_tpu_logs.reports import Published, published
from configs.errors import ConfigError
from edge.readiness.findings import Status

REPORTS = published()


@pytest.mark.parametrize("truth", REPORTS.values(), ids=REPORTS.keys())
def test_report_has_a_public_source_a_version_and_rows(truth):
    assert re.match(
        r"https://github\.com/[\w.-]+/[\w.-]+/blob/[0-9a-f]{40}/", truth.source
    )
    assert truth.said.version
    assert truth.said.rows


@pytest.mark.parametrize("truth", REPORTS.values(), ids=REPORTS.keys())
def test_every_line_of_a_report_is_read(truth):
    lines = [line for line in truth.report.splitlines() if line.strip()]

    assert len(truth.said.rows) == len(lines) - 1


@pytest.mark.parametrize("truth", REPORTS.values(), ids=REPORTS.keys())
def test_network_that_is_made_anew_has_published_layers(truth):
    assert (truth.net is None) == (truth.layers is None)


@pytest.mark.parametrize("truth", REPORTS.values(), ids=REPORTS.keys())
def test_rules_can_say_what_the_current_compiler_said(truth):
    assert contradictions(truth) == ()


def test_older_compilers_count_nowhere():
    assert not REPORTS["rows-old-mnist"].is_counted
    assert REPORTS["yolo-v3-tiny"].is_counted


@pytest.mark.parametrize(
    ("row", "told"),
    [
        ("HARD_SWISH 1 Mapped to Edge TPU", "is mapped, and the rules do not"),
        ("RELU 1 Operation not supported", "is not supported, and the rules support"),
        (
            "RELU 1 Operation tired of it",
            "the words 'Operation tired of it' are unknown",
        ),
    ],
)
def test_row_that_the_rules_cannot_give_is_a_contradiction(row, told):
    report = f"Edge TPU Compiler version 16.0.384591198\n{row}\n"

    (found,) = contradictions(Published(source="here", report=report))

    assert told in found


def test_row_of_an_older_compiler_contradicts_nothing():
    report = "Edge TPU Compiler version 15.0.340273435\nTRANSPOSE 1 Operation not supported\n"

    assert contradictions(Published(source="here", report=report)) == ()


def test_misspelt_key_of_a_report_is_an_error(tmp_path):
    (tmp_path / "one.yaml").write_text("source: here\ncolour: red\n")

    with pytest.raises(ConfigError, match=r"colour|report"):
        published(tmp_path)


def test_every_word_of_the_checker_begins_a_row_as_the_compiler_writes_it():
    assert all(re.match(r"[A-Z][a-z]", status) for status in get_args(Status))


def test_report_of_a_network_says_how_it_was_converted():
    coco = REPORTS["efficientdet-lite0-coco"]

    assert (coco.ends, coco.quantizer) == ("uint8-float32", "new")
    assert REPORTS["yolo-v3-tiny"].quantizer == "old"

"""The oldest runtime beside the newest; environments are played by `FakeMobile`."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from pydantic import TypeAdapter

from configs.catalogue import packaged_catalogue
from configs.device import FORMS, load_devices
from configs.steps import AnyStep
from models.errors import BuildFailed
from models.mobile import toolings
from models.mobile.checks import Checks
from models.mobile.oldest import other_than
from models.mobile.workers import opening
from models.recipes.pieces import Piece
from models.steps import executorch_export, ort_export
from models.training import weights
from tests.fakes_mobile import FakeMobile
from tests.tiny_bench import TinyBench

# ONNX Runtime's converter leaves the file that it made open.
pytestmark = pytest.mark.filterwarnings(
    "ignore:Exception ignored in. <_io.FileIO:pytest.PytestUnraisableExceptionWarning"
)

RUNS: dict[str, Any] = {"executorch": executorch_export.run, "ort": ort_export.run}


@pytest.fixture
def tiny(tmp_path):
    return TinyBench(tmp_path)


def source(tiny, form):
    if form == "ort":
        return tiny.source
    options = {"stem": 4, "stages": "8:8:1", "classes": 4, "channels": 3}
    piece = Piece(tiny.empty("torch"))
    weights.save(weights.fresh("tiny", "residual", options, 3), piece.folder)
    return piece


def checked(tiny, form, tools, **said):
    step: Any = TypeAdapter(AnyStep).validate_python(
        {"step": f"{form}-export", "photos": 8, **said}
    )
    target = tiny.empty("target")
    bench = tiny.bench(step.model_dump(mode="json"))
    RUNS[form](step, source(tiny, form), target, bench, tools)
    return Checks.model_validate_json((target / "checks.json").read_bytes())


@pytest.mark.parametrize("form", RUNS)
def test_oldest_runtime_is_asked_about_inputs_and_photos(tiny, form):
    tools = FakeMobile()

    found = checked(tiny, form, tools)

    name = f"{toolings.OLDEST[form]}-oldest"
    assert [w for tool, w, _ in tools.asked if tool == name] == [
        "opening", "running", "running",
    ]  # fmt: skip
    assert found.oldest is not None
    assert (found.oldest.photos, found.oldest.agreement) == (8, 1.0)
    assert found.oldest.largest_difference == 0.0
    assert found.shown == found.oldest.runtime == toolings.oldest_runtime(form)


@pytest.mark.parametrize("form", RUNS)
def test_file_to_which_the_oldest_gives_other_answers_is_refused(tiny, form):
    other = FakeMobile(older=lambda answers: answers + np.ptp(answers))

    with pytest.raises(
        BuildFailed, match=r"-1\.\d+\.0 must be within .* of the newest"
    ):
        checked(tiny, form, other)


@pytest.mark.parametrize("form", RUNS)
def test_file_that_the_oldest_does_not_open_is_for_newer_classes(tiny, form):
    found = checked(tiny, form, FakeMobile(refusal="no op Gelu of version 21"))

    assert found.oldest is not None
    assert found.oldest.refusal == "no op Gelu of version 21"
    assert found.shown == found.runtime


def test_oldest_runtime_is_left_alone_where_the_step_says_so(tiny):
    tools = FakeMobile()

    found = checked(tiny, "ort", tools, oldest_runtime=False)

    assert found.oldest is None
    assert {tool for tool, _, _ in tools.asked} == {"onnxruntime"}


@pytest.mark.parametrize(("minor", "is_asked"), [(12, True), (13, False), (14, False)])
def test_oldest_onnx_runtime_is_left_alone_where_it_has_no_wheel(
    tiny, monkeypatch, minor, is_asked
):
    here = SimpleNamespace(version_info=(3, minor, 0, "final", 0), executable="python")
    monkeypatch.setattr(toolings, "sys", here)
    tools = FakeMobile()

    found = checked(tiny, "ort", tools)

    assert ("onnxruntime-oldest" in {tool for tool, _, _ in tools.asked}) == is_asked
    assert (found.oldest is not None) == is_asked
    assert (found.shown == found.runtime) != is_asked
    why = "onnxruntime-1.18.0 was not asked: there is no wheel of it for Python 3.13"
    assert found.caveat == ("" if is_asked else f"{why} and later")


def test_nothing_is_left_out_that_nobody_wanted(tiny, monkeypatch):
    monkeypatch.setattr(toolings, "sys", SimpleNamespace(version_info=(3, 13)))

    assert checked(tiny, "ort", FakeMobile(), oldest_runtime=False).caveat == ""
    assert checked(tiny, "executorch", FakeMobile()).oldest is not None


@pytest.mark.parametrize(
    ("found", "told"),
    [
        ([[0.0, 10.0]], None),
        ([[0.1, 10.0]], None),
        ([[0.3, 10.0]], "logits of old-1 must be within 0.2 of those of the newest runtime, got 0.3"),
        ([[np.nan, 10.0]], "logits of old-1 must be within 0.2 of those of the newest runtime, got nan"),
    ],
)  # fmt: skip
def test_answers_may_be_off_by_a_share_of_their_span(found, told):
    exact = np.array([[0.0, 10.0]], np.float32)

    assert other_than("old-1", exact, np.array(found, np.float32), 0.02) == told


def test_runtime_that_opens_a_file_says_nothing(tiny):
    request = {"form": "ort", "model": str(tiny.source.onnx)}

    assert opening.answer(request, lambda *_: None) == {"refusal": ""}


def test_runtime_that_does_not_says_why(tmp_path):
    file = Path(tmp_path / "model.onnx")
    file.write_bytes(b"garbage")

    told: Any = opening.answer({"form": "ort", "model": str(file)}, lambda *_: None)

    assert "from model.onnx failed" in told["refusal"]
    assert str(tmp_path) not in told["refusal"]


@pytest.mark.parametrize("form", toolings.OLDEST)
def test_no_class_is_promised_an_older_runtime_than_is_asked(form):
    wanted = toolings.oldest_runtime(form)
    held = [
        device.runtime_of(form)
        for device in load_devices(packaged_catalogue()).values()
        if form in device.forms
    ]

    assert held
    assert {wanted.rpartition(".")[0]} == set(held)
    assert FORMS[wanted.rpartition("-")[0]] == form

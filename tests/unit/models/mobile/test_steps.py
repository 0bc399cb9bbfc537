"""The steps that make files for phones; their environments are played by `FakeMobile`."""

import json
import os
from typing import Any

import numpy as np
import pytest
from pydantic import TypeAdapter

from configs.steps import AnyStep, QuantizeStaticStep
from models.errors import BuildFailed
from models.litert.judge import thread_counts
from models.mobile.checks import Checks
from models.mobile.judge import judge_mobile
from models.mobile.proof import unlike
from models.recipes.bench import Teacher
from models.recipes.pieces import PACKAGE, Piece
from models.runtime import Runner
from models.steps import coreml_export, executorch_export, onnx_static, ort_export
from models.training import weights
from tests.fakes_mobile import FakeMobile
from tests.tiny_bench import TinyBench

# ONNX Runtime's converter leaves the file that it made open.
pytestmark = pytest.mark.filterwarnings(
    "ignore:Exception ignored in. <_io.FileIO:pytest.PytestUnraisableExceptionWarning"
)

RUNS: dict[str, Any] = {
    "executorch-export": executorch_export.run,
    "coreml-export": coreml_export.run,
    "ort-export": ort_export.run,
}


@pytest.fixture
def tiny(tmp_path):
    return TinyBench(tmp_path)


@pytest.fixture
def trained(tiny):
    """A small residual network."""
    options = {"stem": 4, "stages": "8:8:1", "classes": 4, "channels": 3}
    piece = Piece(tiny.empty("torch"))
    weights.save(weights.fresh("tiny", "residual", options, 3), piece.folder)
    return piece


def made(tiny, word, source, tools, **said):
    step: Any = TypeAdapter(AnyStep).validate_python(
        {"step": word, "photos": 8, **said}
    )
    bench, target = tiny.bench(step.model_dump(mode="json")), tiny.empty("target")
    return RUNS[word](step, source, target, bench, tools), Piece(target)


def int8(tiny):
    step = QuantizeStaticStep(step="quantize-static")
    target = tiny.empty("int8")
    onnx_static.run(step, tiny.source, target, tiny.bench(step.model_dump(mode="json")))
    return Piece(target)


def checks(piece):
    return Checks.model_validate_json((piece.folder / "checks.json").read_bytes())


def test_ort_file_answers_as_the_onnx_does_to_the_last_bit(tiny):
    source = int8(tiny)

    _, piece = made(tiny, "ort-export", source, FakeMobile())

    with np.load(piece.folder / "golden.npz", allow_pickle=False) as golden:
        wanted = [Runner(source.onnx).logits(row[None]) for row in golden["input"]]
        np.testing.assert_array_equal(golden["output"], np.concatenate(wanted))
    assert piece.form == "ort"
    assert checks(piece).source.largest_difference == 0.0


def test_ort_file_comes_with_the_operators_that_it_needs_and_no_folder(tiny):
    facts, piece = made(tiny, "ort-export", int8(tiny), FakeMobile())

    config = (piece.folder / "required_operators.config").read_text()
    assert "QLinearConv" in config
    assert str(tiny.folder) not in config
    assert facts["arithmetic"] == "int8"


def test_float_onnx_becomes_a_float_ort_file(tiny):
    facts, _ = made(tiny, "ort-export", tiny.source, FakeMobile())

    assert facts["arithmetic"] == "float32"


@pytest.mark.parametrize("word", RUNS)
def test_making_twice_gives_the_same_bytes(tiny, trained, word):
    source = tiny.source if word == "ort-export" else trained

    pieces = [made(tiny, word, source, FakeMobile())[1] for _ in range(2)]

    held = [
        {str(f.relative_to(p.folder)): f.read_bytes() for f in p.files()}
        for p in pieces
    ]
    assert held[0].keys() == held[1].keys()
    named = [n for n in held[0] if n.endswith((".json", ".npz", ".ort", ".config"))]
    assert [n for n in named if held[0][n] != held[1][n]] == []


def test_executorch_is_told_the_range_of_every_possible_pixel(tiny, trained):
    tools = FakeMobile()

    made(tiny, "executorch-export", trained, tools)

    _, worker, request = tools.asked[0]
    assert worker == "executorch_making"
    assert (request["low"], request["high"]) == (-127 / 128, 1.0)
    assert np.load(str(request["rows"])).shape == (24, 3, 8, 8)


def test_executorch_in_float_needs_no_calibration(tiny, trained):
    tools = FakeMobile()

    made(tiny, "executorch-export", trained, tools, scheme="float32")

    assert "rows" not in tools.asked[0][2]


def test_executorch_in_float_must_give_the_logits_of_its_source(tiny, trained):
    wrong = FakeMobile(lambda answers: answers + 1)

    with pytest.raises(BuildFailed, match=r"within 0\.001 of the source's, got 1"):
        made(tiny, "executorch-export", trained, wrong, scheme="float32")


def test_file_that_disagrees_with_its_source_is_refused(tiny, trained):
    wrong = FakeMobile(lambda answers: -answers)

    with pytest.raises(
        BuildFailed, match="as its source does on 90% of photos, does on 0"
    ):
        made(tiny, "executorch-export", trained, wrong)


class ByThreads(FakeMobile):
    """Answers on two threads are `spoilt` ones of those on one."""

    def __init__(self, spoilt: Any) -> None:
        super().__init__()
        self.spoilt = spoilt

    def running(self, request: Any) -> Any:
        told = super().running(request)
        if request["threads"] == 2:
            np.save(request["out"], self.spoilt(np.load(request["out"])))
        return told


@pytest.mark.parametrize("word", ["executorch-export", "ort-export"])
@pytest.mark.parametrize(
    ("spoilt", "told"),
    [
        (lambda answers: answers * np.nan, "must be numbers, those by 2 threads"),
        (lambda answers: answers + np.ptp(answers), "within .* of those by one, got"),
        (lambda answers: answers[::-1], "logits by 2 threads must be within"),
    ],
)
def test_file_whose_answers_depend_on_threads_is_refused(
    tiny, trained, word, spoilt, told
):
    source = tiny.source if word == "ort-export" else trained

    with pytest.raises(BuildFailed, match=told):
        made(tiny, word, source, ByThreads(spoilt))


def test_other_class_on_other_threads_is_refused_however_near_the_logits_are():
    output = np.array([[5.0, 4.999, 0.0]], np.float32)

    reason = unlike(output, {2: output[:, [1, 0, 2]]}, 0.01)

    assert reason == "classes by 2 threads must be those by one, they are not"
    assert unlike(output, {2: output + np.float32(0.01)}, 0.01) is None


def test_answers_that_are_no_numbers_are_refused(tiny, trained):
    wrong = FakeMobile(lambda answers: answers * np.nan)

    with pytest.raises(BuildFailed, match="must be numbers"):
        made(tiny, "executorch-export", trained, wrong)


class OtherWeights(FakeMobile):
    """A converter whose weights are off by `share` of the largest."""

    def __init__(self, share: float) -> None:
        super().__init__()
        self.share = share

    def coreml_making(self, request: Any) -> Any:
        told = super().coreml_making(request)
        return {**told, "weights": {**told["weights"], "largest_share": self.share}}


@pytest.mark.parametrize(
    ("scheme", "share"), [("float16", 0.0011), ("int8", 0.009), ("int8", float("nan"))]
)
def test_package_with_other_weights_is_refused(tiny, trained, scheme, share):
    with pytest.raises(BuildFailed, match="every weight must be within"):
        made(tiny, "coreml-export", trained, OtherWeights(share), scheme=scheme)


def test_package_with_rounded_weights_is_kept(tiny, trained):
    _, piece = made(
        tiny, "coreml-export", trained, OtherWeights(1 / 254), scheme="int8"
    )

    told = checks(piece).weights
    assert told is not None
    assert told.largest_share == 1 / 254


def test_package_takes_pixels_as_they_are(tiny, trained):
    _, piece = made(tiny, "coreml-export", trained, FakeMobile())

    with np.load(piece.folder / "golden.npz", allow_pickle=False) as golden:
        assert golden["input"].dtype == np.uint8
        assert golden["input"].shape == (4, 8, 8, 3)
    said = checks(piece)
    assert said.input.datatype == "uint8"
    assert said.source.largest_difference < 1e-4


def test_package_says_that_nothing_ran_it(tiny, trained):
    _, piece = made(tiny, "coreml-export", trained, FakeMobile())

    said = checks(piece)
    assert "was not asked" in said.caveat
    assert said.runtime.endswith("not Core ML")
    assert said.specification == 8


def test_package_of_another_specification_is_refused(tiny, trained):
    with pytest.raises(BuildFailed, match="specification 9, which iOS18 reads, got 8"):
        made(tiny, "coreml-export", trained, FakeMobile(), minimum="iOS18")


def test_checks_count_what_no_library_takes_over(tiny, trained):
    _, piece = made(tiny, "executorch-export", trained, FakeMobile())

    delegated = {one.operator: one.delegated for one in checks(piece).operators}
    assert delegated == {"constant_pad_nd": 0, "convolution": 4}


def test_cost_is_of_bytes_in_int8_and_of_four_in_float(tiny, trained):
    costs = {
        scheme: checks(
            made(tiny, "executorch-export", trained, FakeMobile(), scheme=scheme)[1]
        ).cost
        for scheme in ("int8", "float32")
    }

    assert costs["float32"].macs == costs["int8"].macs > 0
    assert costs["float32"].weights_bytes == 4 * costs["int8"].weights_bytes


@pytest.mark.parametrize("word", ["executorch-export", "coreml-export"])
def test_what_is_no_torch_piece_is_refused(tiny, word):
    with pytest.raises(BuildFailed):
        made(tiny, word, tiny.source, FakeMobile())


@pytest.mark.parametrize("word", RUNS)
def test_judge_measures_quality_and_times_what_runs_here(tiny, trained, word):
    source = int8(tiny) if word == "ort-export" else trained
    _, piece = made(tiny, word, source, FakeMobile())
    bench = tiny.bench({"step": word})

    judged = judge_mobile(
        piece, [Teacher(tiny.source, bench.spec)], bench, FakeMobile()
    )

    runs_here = word != "coreml-export"
    assert judged.form == piece.form
    assert judged.quality[0].drop_points is not None
    assert judged.reference is not None
    assert {fact.threads for fact in judged.latency} == (
        set(thread_counts(os.cpu_count() or 1)) if runs_here else set()
    )


def test_size_of_a_package_is_of_all_its_files(tiny, trained):
    _, piece = made(tiny, "coreml-export", trained, FakeMobile())
    bench = tiny.bench({"step": "coreml-export"})

    judged = judge_mobile(piece, [], bench, FakeMobile())

    inside = [
        f.stat().st_size for f in (piece.folder / PACKAGE).rglob("*") if f.is_file()
    ]
    assert len(inside) == 2
    assert judged.size_bytes == sum(inside)


def test_judge_names_a_form_that_is_not_for_phones(tiny):
    bench = tiny.bench({"step": "ort-export"})

    with pytest.raises(BuildFailed, match="got a piece of form onnx"):
        judge_mobile(tiny.source, [], bench, FakeMobile())


def test_asking_twice_about_photos_runs_the_file_once(tiny):
    tools, source = FakeMobile(), int8(tiny)
    made(tiny, "ort-export", source, tools)
    first = len(tools.asked)

    made(tiny, "ort-export", source, tools)

    # What the newest and the oldest runtime have answered to photos is on disk.
    assert len(tools.asked) - first == first - 2


def test_checks_are_the_facts_of_the_step(tiny):
    facts, piece = made(tiny, "ort-export", tiny.source, FakeMobile())

    said = json.loads((piece.folder / "checks.json").read_text())
    assert {key: facts[key] for key in said} == said

"""The steps of a recipe for devices, their environments played by `FakeTools`."""

import json
import os

import numpy as np
import pytest
from pydantic import TypeAdapter

from configs.edge_steps import LitertCheckStep, LitertQuantizeStep
from configs.steps import AnyStep
from models.errors import BuildFailed
from models.litert import golden
from models.litert.judge import judge_litert, thread_counts
from models.litert.reading import read_file
from models.recipes.bench import Teacher
from models.recipes.pieces import Piece
from models.statistics import wilson
from models.steps import litert_check, litert_quantize
from tests.fakes_litert import FakeTools
from tests.tiny_bench import TinyBench
from tests.tiny_lite import tiny_float, tiny_int8


@pytest.fixture
def tiny(tmp_path):
    return TinyBench(tmp_path)


def put_lite(tiny, content):
    piece = Piece(tiny.empty("piece"))
    piece.litert.write_bytes(content)
    return piece


def quantized(tiny, tools, **said):
    step = LitertQuantizeStep(step="litert-quantize", **said)
    bench = tiny.bench(step.model_dump(mode="json"))
    target = tiny.empty("target")
    source = put_lite(tiny, tiny_float(dead_channel=True))
    return litert_quantize.run(step, source, target, bench, tools), Piece(target)


def checked(tiny, tools, content=None, **said):
    step = LitertCheckStep(step="litert-check", photos=8, threads=(1, 2), **said)
    bench = tiny.bench(step.model_dump(mode="json"))
    target = tiny.empty("target")
    source = put_lite(tiny, content or tiny_int8())
    return litert_check.run(step, source, target, bench, tools), Piece(target)


def test_quantized_file_is_readable_by_the_oldest_runtime(tiny):
    facts, piece = quantized(tiny, FakeTools())

    assert facts["oldest_runtime"] == "tensorflow-2.5.0"
    assert facts["dead_channels"] == 1
    assert facts["moved_buffers"] == 5
    assert not any(tensor.outside for tensor in read_file(piece.litert).tensors)


def test_quantizer_is_told_the_range_of_every_possible_pixel(tiny):
    tools = FakeTools()

    quantized(tiny, tools)

    _, worker, request = tools.asked[0]
    assert worker == "quantizing"
    assert (request["low"], request["high"]) == (-127 / 128, 1.0)
    assert np.load(str(request["rows"])).shape == (24, 8, 8, 3)


def test_every_operator_is_held_against_itself_in_float(tiny):
    facts, _ = quantized(tiny, FakeTools())

    assert [one["layer"] for one in facts["sensitivity"]] == [
        "0 CONV_2D", "1 MEAN", "2 FULLY_CONNECTED",
    ]  # fmt: skip
    assert all(one["snr_db"] < 120 for one in facts["sensitivity"])


def test_uint8_ends_are_put_on(tiny):
    _, piece = quantized(tiny, FakeTools(), ends="uint8")

    graph = read_file(piece.litert)
    assert {tensor.datatype for tensor in graph.of(graph.inputs)} == {"UINT8"}


def test_other_schemes_need_no_photos(tiny):
    tools = FakeTools()

    quantized(tiny, tools, scheme="dynamic")

    assert "rows" not in tools.asked[0][2]


def test_what_stays_in_float_is_refused(tiny):
    tools = FakeTools()
    tools.quantized = tiny_float()

    with pytest.raises(BuildFailed, match="all of it must become INT8, CONV_2D"):
        quantized(tiny, tools)


def test_quantizing_nothing_is_refused(tiny):
    step = LitertQuantizeStep(step="litert-quantize")
    bench = tiny.bench(step.model_dump(mode="json"))

    with pytest.raises(BuildFailed, match="needs a model before it"):
        litert_quantize.run(step, None, tiny.empty("target"), bench, FakeTools())


def test_check_runs_old_and_new_runtimes_kernels_and_threads(tiny):
    tools = FakeTools()

    facts, _ = checked(tiny, tools)

    assert facts["oldest_runtime_not_asked"] == []
    assert [one["way"] for one in facts["ways"]] == [
        "litert-2.3.0, reference kernels, 1 thread",
        "litert-2.3.0, optimised kernels, 2 threads",
        "tflite-runtime-2.14.0, optimised kernels, 1 thread",
    ]
    ran = {name for name, worker, _ in tools.asked if worker == "running"}
    assert ran == {"litert", "litert-oldest"}


def test_every_way_says_how_right_it_is_with_its_interval(tiny):
    facts, _ = checked(tiny, FakeTools())

    same = wilson(8, 8)
    for one in facts["ways"]:
        assert one["photos"] == 8
        assert one["same"] == {"value": 1.0, "low": round(same.low, 6), "high": 1.0}
        assert one["top1"]["low"] < one["top1"]["value"] or not one["top1"]["value"]


def test_old_runtime_is_not_asked_for_what_it_lacks(tiny):
    tools = FakeTools()

    facts, _ = checked(tiny, tools, tiny_int8(conv_version=8))

    assert facts["oldest_runtime_not_asked"] == [
        "CONV_2D 8 is newer than 7 of tflite-runtime-2.14.0"
    ]
    ran = {name for name, worker, _ in tools.asked if worker == "running"}
    assert ran == {"litert"}


def test_runtime_that_disagrees_is_named(tiny):
    tools = FakeTools(wrong=frozenset(("litert-oldest",)))

    with pytest.raises(BuildFailed, match=r"tflite-runtime-2\.14\.0.*must give"):
        checked(tiny, tools)


def test_golden_answers_and_checks_lie_beside_the_file(tiny):
    _, piece = checked(tiny, FakeTools())

    said = json.loads((piece.folder / "checks.json").read_text())
    with np.load(piece.folder / "golden.npz", allow_pickle=False) as golden:
        assert golden["input"].dtype == np.int8
        assert golden["output"].shape == (4, 4)
        assert golden["tolerance"] >= 1
    assert said["input"]["scale"] == 1 / 128
    assert said["front_end"]["size_px"] == 8
    assert said["cost"]["macs"] > 0


def test_checking_twice_gives_the_same_bytes(tiny):
    pieces = [checked(tiny, FakeTools())[1] for _ in range(2)]

    held = [{file.name: file.read_bytes() for file in one.files()} for one in pieces]

    assert held[0] == held[1]


def test_checking_twice_asks_about_photos_once(tiny):
    tools = FakeTools()
    checked(tiny, tools)
    first = len(tools.asked)

    checked(tiny, tools)

    photos = [
        request
        for _, worker, request in tools.asked[first:]
        if worker == "running" and not request.get("raw")
    ]
    assert photos == []


def test_what_is_no_number_makes_no_tolerance():
    output = np.ones((2, 3), np.float32)

    assert golden.tolerance(output, [output, output + 1]) == 2.0
    assert np.isnan(golden.tolerance(output, [output, output * np.nan]))


def test_judge_measures_quality_time_and_memory(tiny):
    step = {"step": "litert-check"}
    bench = tiny.bench(step)
    piece = put_lite(tiny, tiny_int8())

    judged = judge_litert(piece, [Teacher(tiny.source, bench.spec)], bench, FakeTools())

    threads = {fact.threads for fact in judged.latency}
    assert judged.form == "litert"
    assert judged.size_bytes == len(tiny_int8())
    assert judged.quality[0].drop_points is not None
    assert judged.reference is not None
    assert threads == set(thread_counts(os.cpu_count() or 1))
    assert judged.latency_ms is not None
    assert judged.measured is not None
    assert judged.measured.exact_agreement is not None


@pytest.mark.parametrize("word", ["litert-convert", "litert-quantize", "litert-check"])
def test_step_is_known_by_its_word(word):
    step = TypeAdapter(AnyStep).validate_python({"step": word})

    assert step.step == word


@pytest.mark.parametrize("word", ["litert-check", "executorch-export", "ort-export"])
def test_answers_are_asked_on_one_to_four_threads_unless_a_recipe_says_otherwise(word):
    step = TypeAdapter(AnyStep).validate_python({"step": word})

    assert step.model_dump()["threads"] == (1, 2, 3, 4)

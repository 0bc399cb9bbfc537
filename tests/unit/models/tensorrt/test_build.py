"""ONNX to engine, by a library that is not there."""

from pathlib import Path

import pytest

from models.progress import silent
from models.tensorrt.build import EngineRefused, build_engine
from models.tensorrt.options import (
    Bucket,
    EngineOptions,
    bucket_for,
    buckets_of,
    options_from,
)
from tests.fakes_tensorrt import FakeError, FakeTensorrt, fake_api

OPTIONS = EngineOptions(buckets_of((1, 8)))
ONNX = Path("model.onnx")


def build(module, options=OPTIONS, timing=None, kind="tensorrt", progress=silent):
    return build_engine(fake_api(module, kind), ONNX, options, timing, progress)


def test_engine_has_a_profile_for_each_bucket():
    module = FakeTensorrt()

    engine, told = build(module)

    assert engine == b"engine"
    assert module.config.profiles == [
        {"x": ((1, 2), (1, 2), (1, 2))},
        {"x": ((2, 2), (8, 2), (8, 2))},
    ]
    assert told["profiles"] == [
        {"min": 1, "opt": 1, "max": 1},
        {"min": 2, "opt": 8, "max": 8},
    ]
    assert [tensor["name"] for tensor in told["tensors"]] == ["x", "y"]


def test_fixed_batch_needs_no_profile():
    module = FakeTensorrt(shape=(4, 2))

    _, told = build(module)

    assert (module.config.profiles, told["profiles"]) == ([], [])


def test_other_dynamic_sizes_are_refused():
    with pytest.raises(
        EngineRefused, match=r"input x \[-1, -1\] may vary in its batch"
    ):
        build(FakeTensorrt(shape=(-1, -1)))


def test_only_refit_sets_a_flag():
    plain, refit = FakeTensorrt(), FakeTensorrt()

    build(plain)
    build(refit, EngineOptions(OPTIONS.buckets, refit=True))

    assert (plain.config.flags, refit.config.flags) == ([], ["REFIT"])


def test_parser_errors_name_operator_and_node():
    module = FakeTensorrt()
    module.errors = [FakeError("Loop", "loop_3", "no such plugin\n")] * 2

    with pytest.raises(EngineRefused) as refused:
        build(module)

    assert str(refused.value) == "parsing: Loop loop_3: no such plugin"


def test_asymmetric_quantization_comes_with_its_remedy():
    module = FakeTensorrt()
    text = "Non-zero zero point is not supported"
    module.errors = [FakeError("QuantizeLinear", f"q{n}", text) for n in range(5)]

    with pytest.raises(EngineRefused) as refused:
        build(module)

    assert refused.value.reason.startswith(
        "TensorRT takes symmetric INT8 only; use style"
    )
    assert refused.value.reason.endswith("and 2 more")


def test_builder_that_fails_says_why():
    module = FakeTensorrt()
    module.plan = None

    with pytest.raises(EngineRefused, match="building: out of luck"):
        build(module)


def test_refit_that_rtx_cannot_build_without_a_gpu_says_so():
    module, options = FakeTensorrt(), EngineOptions(OPTIONS.buckets, refit=True)
    module.plan = None

    with pytest.raises(EngineRefused, match="with refit: true on a GPU only; out of"):
        build(module, options, kind="tensorrt-rtx")


def test_phases_of_the_build_are_told_without_those_inside_them():
    told = []

    build(FakeTensorrt(), progress=lambda *said: told.append(said))

    assert told == [("engine: Building", 1, 2), ("engine: Building", 2, 2)]


def test_timings_are_kept_for_the_next_build(tmp_path):
    timing = tmp_path / "timing" / "gpu"

    build(FakeTensorrt(), timing=timing)
    build(FakeTensorrt(), timing=timing)

    assert timing.read_bytes() == b"+timed+timed"


def test_rtx_gets_no_timing_cache_which_would_ask_for_a_gpu(tmp_path):
    module = FakeTensorrt()

    build(module, timing=tmp_path / "timing", kind="tensorrt-rtx")

    assert module.config.cache is None
    assert list(tmp_path.iterdir()) == []


def test_buckets_leave_no_gap():
    assert buckets_of((8, 1, 32, 8)) == (
        Bucket(1, 1, 1),
        Bucket(2, 8, 8),
        Bucket(9, 32, 32),
    )


@pytest.mark.parametrize(("rows", "place"), [(1, 0), (2, 1), (8, 1), (9, None)])
def test_batch_runs_in_the_first_bucket_that_holds_it(rows, place):
    assert bucket_for(buckets_of((1, 8)), rows) == place


def test_options_survive_the_trip_to_a_tool():
    options = EngineOptions(buckets_of((1, 8)), refit=True)

    assert options_from(options.as_json()) == options

"""Rows through an engine's buffers and profiles, on fakes."""

import numpy as np
import pytest

from models.errors import EngineUnfit, ToolFailed
from models.tensorrt.compare import CudaSession, compare, timed_in_turns
from models.tensorrt.engines import write_label
from models.tensorrt.run import EngineRunner
from tests.fakes_tensorrt import FakeTensorrt, HostMemory, fake_api

X = {"name": "x", "role": "input", "datatype": "FLOAT", "shape": [-1, 2]}
Y = {"name": "y", "role": "output", "datatype": "FLOAT", "shape": [-1, 2]}
PROFILES = [{"min": 1, "opt": 1, "max": 1}, {"min": 2, "opt": 8, "max": 8}]


def engine(folder, tensors=(X, Y), profiles=PROFILES):
    (folder / "model.engine").write_bytes(b"engine")
    runtime = {"kind": "tensorrt", "version": "11.4.0", "gpu": None}
    return write_label(
        folder, {"tensors": list(tensors), "profiles": profiles, "runtime": runtime}
    )


def runner(folder, module, **said):
    return EngineRunner(fake_api(module), engine(folder, **said), HostMemory())


def rows(count):
    return np.arange(2 * count, dtype=np.float32).reshape(count, 2)


@pytest.mark.parametrize("count", [1, 2, 8, 9, 20])
def test_batch_of_any_size_is_answered_in_order(tmp_path, count):
    answered = runner(tmp_path, FakeTensorrt()).run({"x": rows(count)})

    np.testing.assert_array_equal(answered["y"], 2 * rows(count))


def test_profile_changes_only_when_the_batch_needs_another(tmp_path):
    module = FakeTensorrt()
    running = runner(tmp_path, module)

    for count in (1, 1, 4, 8, 1):
        running.logits(rows(count))

    assert module.context.profiles == [1, 0]


def test_batch_below_the_least_of_the_profile_is_filled_up(tmp_path):
    module = FakeTensorrt()
    running = runner(tmp_path, module, profiles=[{"min": 4, "opt": 8, "max": 8}])

    answered = running.logits(rows(3))

    np.testing.assert_array_equal(answered, 2 * rows(3))
    assert module.context.shapes == [(4, 2)]


def test_answers_stay_when_the_buffers_are_used_again(tmp_path):
    running = runner(tmp_path, FakeTensorrt())
    first = running.logits(rows(2))

    running.logits(rows(2) + 100)

    np.testing.assert_array_equal(first, 2 * rows(2))


def test_rows_of_another_shape_are_refused(tmp_path):
    with pytest.raises(
        ToolFailed, match=r"input x failed: rows must be \[2\], got \[3\]"
    ):
        runner(tmp_path, FakeTensorrt()).run({"x": np.zeros((1, 3), np.float32)})


def test_run_that_the_library_refuses_is_an_error(tmp_path):
    module = FakeTensorrt()
    module.context.runs = False

    with pytest.raises(ToolFailed, match="a run of 1 rows failed"):
        runner(tmp_path, module).logits(rows(1))


def test_engine_that_the_library_cannot_read_is_an_error(tmp_path):
    module = FakeTensorrt()
    module.plan = b"another"

    with pytest.raises(EngineUnfit, match="got serialised by another version"):
        runner(tmp_path, module)


def test_datatype_that_numpy_lacks_is_named(tmp_path):
    with pytest.raises(
        ToolFailed, match=r"tensor y failed: must be one of .* got BF16"
    ):
        runner(tmp_path, FakeTensorrt(), tensors=(X, {**Y, "datatype": "BF16"}))


class Scaling:
    """Answers rows times a factor."""

    def __init__(self, factor):
        self._factor, self.sizes = factor, []

    def logits(self, rows):
        self.sizes.append(len(rows))
        return rows * np.float32(self._factor)


def test_comparison_runs_both_on_the_same_rows():
    ours, theirs = Scaling(1.0), Scaling(-1.0)

    found = compare(ours, theirs, rows(4), batches=(1, 4))

    assert (found.agreement, found.largest_difference) == (0.0, 14.0)
    assert [fact.batch_size for fact in found.engine] == [1, 4]
    assert ours.sizes == theirs.sizes


def test_each_run_is_timed_alone():
    ticks = iter(range(10_000))

    (fact,) = timed_in_turns([Scaling(1.0)], rows(2), clock=lambda: next(ticks) / 1000)

    assert (fact.p50_ms, fact.p99_ms, fact.runs) == (1.0, 1.0, 100)


def test_session_that_fell_back_to_cpu_is_refused(tmp_path):
    class OnCpu:
        SessionOptions = staticmethod(lambda: type("Options", (), {})())

        @staticmethod
        def InferenceSession(model, options, providers):  # noqa: N802 - ORT's name
            return type("S", (), {"get_providers": lambda self: ["CPU"]})()

    with pytest.raises(ToolFailed, match="CUDAExecutionProvider did not start"):
        CudaSession(tmp_path / "model.onnx", OnCpu)

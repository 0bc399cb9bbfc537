"""The bare loop as a process, on a real model."""

import numpy as np

from benchmarks.bare import model_work, repeat_on_threads
from benchmarks.child import run_child
from benchmarks.facts import BareJob, BareModel
from tests.tiny_models import tiny_logits, write_tiny_onnx

FEATURES = np.array([[1, 2, 3, 4]], np.float32)


def test_work_of_a_model_is_one_run_of_it(tmp_path):
    model = BareModel(file=write_tiny_onnx(tmp_path / "a.onnx", seed=1))

    (logits,) = model_work(model, FEATURES.tobytes())()

    assert np.allclose(logits, tiny_logits("tiny-a", FEATURES), atol=1e-5)


def test_every_thread_works_for_the_whole_time():
    latencies = repeat_on_threads(lambda: None, threads=3, duration_s=0.02)

    assert len(latencies) > 3
    assert min(latencies) >= 0


def test_bare_loop_runs_as_a_process(tmp_path):
    body = tmp_path / "body"
    body.write_bytes(FEATURES.tobytes())
    job = BareJob(
        models=(BareModel(file=write_tiny_onnx(tmp_path / "a.onnx", seed=1)),),
        body=body,
        threads=2,
        warmup_s=0.05,
        duration_s=0.2,
    )

    outcome, _ = run_child("benchmarks.bare", job, 60.0, dict)

    assert len(outcome.latencies_ms) > 10
    assert outcome.client_cpu_s > 0

"""An engine on the photos of a recipe; ONNX Runtime answers in its place."""

import numpy as np
import pytest

from models.errors import BuildFailed
from models.recipes.bench import Teacher
from models.runtime import Runner
from models.tensorrt.judge import judge_answers, judge_engine
from tests.tiny_bench import TinyBench


@pytest.fixture
def tiny(tmp_path):
    return TinyBench(tmp_path)


def test_engine_without_a_gpu_is_not_measured(tiny):
    bench = tiny.bench({"step": "tensorrt"})

    with pytest.raises(BuildFailed, match="measured on the GPU that runs it"):
        judge_engine(tiny.source, (), bench)


def test_engine_is_judged_beside_its_reference(tiny):
    bench = tiny.bench({"step": "tensorrt"})
    reference = [Teacher(tiny.source, bench.spec)]

    judged = judge_answers(tiny.source, Runner(tiny.source.onnx), reference, bench)

    (fact,) = judged.quality
    assert fact.agreement is not None
    assert (judged.form, fact.agreement.value) == ("engine", 1.0)
    assert [one.batch_size for one in judged.latency] == [1, 8, 32]
    assert judged.reference is not None
    assert judged.reference.quality[0].top1 == fact.top1


def test_worse_answers_are_seen(tiny):
    class Constant:
        def logits(self, rows):
            return np.tile(np.eye(4, dtype=np.float32)[0], (len(rows), 1))

    bench = tiny.bench({"step": "tensorrt"})
    reference = [Teacher(tiny.source, bench.spec)]

    (fact,) = judge_answers(tiny.source, Constant(), reference, bench).quality

    assert fact.agreement is not None
    assert fact.agreement.value < 0.9

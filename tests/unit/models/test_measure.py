"""What a model costs: time in turns, memory in a process of its own, exact answers."""

from pathlib import Path

import numpy as np
import pytest

from configs.catalogue import load_catalogue
from configs.model import ModelSpec
from models.imaging import normalise
from models.materials import ReadableMaterials
from models.measure import measure_beside, measure_together
from models.memory import peak_memory_bytes
from models.progress import silent
from models.runtime import Runner, latencies
from tests.tiny_bench import TinyBench
from tests.tiny_vision import IMAGE, PHOTOS, SIDE

CROPS = np.random.default_rng(0).integers(0, 256, (40, SIDE, SIDE, 3), dtype=np.uint8)
LABELS = np.zeros(40, np.int64)


@pytest.fixture
def tiny(tmp_path: Path) -> TinyBench:
    return TinyBench(tmp_path)


def spec(tiny: TinyBench) -> ModelSpec:
    return tiny.catalogue.models["eye-a"]


def test_models_are_timed_in_turns_at_each_batch_and_number_of_threads(tiny):
    found = measure_together([tiny.source.onnx] * 2, spec(tiny))

    plans = [[(one.threads, one.batch_size) for one in column] for column in found]
    assert plans[0] == plans[1]
    assert plans[0][:3] == [(1, 1), (1, 8), (1, 32)]
    assert all(0 < one.p50_ms <= one.p99_ms for one in found[0])


def test_inputs_of_varying_shape_are_not_timed(tiny):
    (first,) = spec(tiny).inputs
    varying = first.model_copy(update={"shape": (3, -1, -1)})
    told = spec(tiny).model_copy(update={"inputs": (varying,)})

    assert measure_together([tiny.source.onnx], told) == [()]


def test_latencies_run_every_model_as_often(tiny):
    rows = normalise(CROPS[:2], IMAGE)

    first, second = latencies([tiny.source.onnx, tiny.source.onnx], rows)

    assert first.runs == second.runs
    assert first.batch_size == 2


def test_everything_beside_quality_and_time_is_measured(tiny):
    scores = Runner(tiny.source.onnx).logits(normalise(CROPS, IMAGE))

    found = measure_beside(tiny.source.onnx, spec(tiny), (CROPS, LABELS), scores)

    assert found.exact_agreement is not None
    assert (found.exact_agreement.value, found.exact_agreement.n) == (1.0, 40)
    assert found.calibration_error is not None


@pytest.mark.skipif(
    not Path("/proc/self/clear_refs").exists(), reason="needs Linux's /proc"
)
def test_more_rows_take_more_memory(tiny):
    few = peak_memory_bytes(tiny.source.onnx, (1, 3, SIDE, SIDE))
    many = peak_memory_bytes(tiny.source.onnx, (20_000, 3, SIDE, SIDE))

    assert few is not None
    assert many is not None
    assert many > few + 20_000 * 3 * SIDE * SIDE


def test_memory_of_what_does_not_run_is_not_known(tmp_path):
    assert peak_memory_bytes(tmp_path / "nothing.onnx", (1,)) is None


def test_broken_photo_is_left_out_and_named_only_when_told_to(tiny):
    (tiny.folder / "colours" / "07.png").write_bytes(b"\x89PNG\r\n\x1a\nbroken")
    catalogue = load_catalogue(tiny.folder / "catalogue")

    readable = ReadableMaterials(catalogue, tiny.folder / "cache")

    assert len(readable.crops("colours", IMAGE, silent)) == PHOTOS - 1
    assert len(readable.dataset("colours").labels) == PHOTOS - 1
    assert readable.broken("colours") == ("07.png",)

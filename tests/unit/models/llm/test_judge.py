"""What is measured of a language model's folder, with a tool that answers numbers."""

import pytest

from models.errors import BuildFailed
from models.llm.judge import judge_with
from models.recipes.bench import Teacher
from models.recipes.pieces import Piece
from tests.tiny_bench import TinyBench
from tests.tiny_llm import write_folder

STEP = {"step": "llm-quantize", "scheme": "W4A16"}
PACKED = {"format": "pack-quantized"}


class FakeTool:
    """Answers the losses that belong to a folder and notes which were read."""

    def __init__(self, losses):
        self.losses, self.read = losses, []

    def __call__(self, worker, request):
        self.read.append(request["model"])
        loss = self.losses[request["model"]]
        return {"losses": [loss] * 4, "tokens": [10] * 4, "hits": [5] * 4, "right": [1]}

    def versions(self):
        return {}


@pytest.fixture
def tiny(tmp_path):
    return TinyBench(tmp_path)


def piece(tiny, key, kind, said=None):
    folder = tiny.empty(key)
    write_folder(folder, {"w": (kind, [4])}, said)
    return Piece(folder.resolve(), key)


@pytest.fixture
def pair(tiny):
    return piece(tiny, "four", "I32", PACKED), piece(tiny, "source", "BF16")


def judge(tiny, pair, tool):
    bench = tiny.bench(STEP, data={"calibration": "colours", "evaluation": ["colours"]})
    against = Teacher(pair[1], bench.spec)
    return judge_with(lambda _: tool, pair[0], [against], bench)


def test_rise_is_measured_against_the_reference(tiny, pair):
    tool = FakeTool({str(pair[0].folder): 20.2, str(pair[1].folder): 20.0})

    judged = judge(tiny, pair, tool)

    (fact,) = judged.measured.text
    assert fact.rise.value == pytest.approx(0.0202, abs=1e-4)
    assert judged.reference.measured.text[0].rise is None


def test_what_was_read_once_is_remembered(tiny, pair):
    tool = FakeTool({str(pair[0].folder): 20.2, str(pair[1].folder): 20.0})

    judge(tiny, pair, tool)
    judge(tiny, pair, tool)

    assert len(tool.read) == 2


def test_scheme_without_a_kernel_here_is_not_served(tiny, pair):
    tool = FakeTool({str(pair[0].folder): 20.2, str(pair[1].folder): 20.0})

    assert judge(tiny, pair, tool).measured.speed == ()


def test_folder_that_is_not_what_it_says_fails(tiny, pair):
    broken = piece(tiny, "broken", "BF16", PACKED)

    with pytest.raises(BuildFailed, match="scheme W4A16 but holds no I32 tensors"):
        judge(tiny, (broken, pair[1]), FakeTool({}))

"""The oldest ONNX Runtime that a class may have, in its real environment (0.1 GB)."""

import onnx
import pytest
from onnx import TensorProto, helper

from configs.edge_steps import OrtExportStep
from configs.environment import load_environment
from configs.steps import QuantizeStaticStep
from models.mobile import toolings
from models.mobile.asking import Asked, MobileAsker
from models.mobile.checks import Checks
from models.mobile.toolings import oldest_runtime
from models.recipes.bench import Rooms
from models.recipes.pieces import Piece
from models.steps import onnx_static, ort_export
from tests.tiny_bench import TinyBench

# ONNX Runtime's converter leaves the file that it made open.
pytestmark = pytest.mark.filterwarnings(
    "ignore:Exception ignored in. <_io.FileIO:pytest.PytestUnraisableExceptionWarning"
)
EXPORT = OrtExportStep(step="ort-export", photos=24, threads=(1,))
QUANTIZE = QuantizeStaticStep(step="quantize-static", reduce_range="false")


@pytest.fixture
def tiny(tmp_path):
    """A bench whose home has the environments of this installation."""
    kept = load_environment().home / "envs"
    kept.mkdir(parents=True, exist_ok=True)
    (tmp_path / "envs").symlink_to(kept)
    return TinyBench(tmp_path)


def bench(tiny, step):
    found = tiny.bench(step.model_dump(mode="json"))
    logits = tiny.folder / "workshop" / "logits"
    found.rooms = Rooms(found.scratch, found.checkpoints, logits)
    return found


def rounded(tiny):
    piece = Piece(tiny.empty("rounded"))
    onnx_static.run(QUANTIZE, tiny.source, piece.folder, bench(tiny, QUANTIZE))
    return piece


@pytest.mark.parametrize("whole", [False, True], ids=["float32", "int8"])
def test_oldest_runtime_gives_the_same_answers(tiny, whole):
    source = rounded(tiny) if whole else tiny.source
    target = tiny.empty("made")

    ort_export.run(EXPORT, source, target, bench(tiny, EXPORT))

    said = Checks.model_validate_json((target / "checks.json").read_bytes())
    assert said.oldest is not None
    assert (said.oldest.runtime, said.oldest.refusal) == (oldest_runtime("ort"), "")
    assert (said.oldest.photos, said.oldest.agreement) == (24, 1.0)
    assert said.shown == oldest_runtime("ort")


def test_oldest_runtime_names_the_operator_that_it_lacks(tiny):
    """HardSwish of opset 22 is newer than ONNX Runtime 1.18, which knows 21."""
    ends = [helper.make_tensor_value_info(n, TensorProto.FLOAT, [1, 4]) for n in "xy"]
    graph = helper.make_graph(
        [helper.make_node("HardSwish", ["x"], ["y"])], "newer", ends[:1], ends[1:]
    )
    opset = [helper.make_opsetid("", 22)]
    source, file = tiny.folder / "newer.onnx", tiny.folder / "newer.ort"
    onnx.save(helper.make_model(graph, opset_imports=opset, ir_version=10), source)
    found = bench(tiny, EXPORT)
    toolings.environment(found, toolings.ONNX_RUNTIME)("ort_making", {
        "source": str(source),
        "fixed": str(tiny.folder / "fixed.onnx"),
        "room": str(tiny.empty("room")),
        "target": str(file),
        "config": str(tiny.folder / "needs.config"),
        "shape": [1, 4],
    })  # fmt: skip

    refusal = MobileAsker(Asked("ort", file, oldest=True), found).refusal()

    assert "domain_version of 22" in refusal
    assert str(tiny.folder) not in refusal

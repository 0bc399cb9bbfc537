"""Step `ort-export`: an ONNX piece becomes ONNX Runtime's own format, for one row.

The format is what builds of ONNX Runtime without an ONNX reader load. Such a build has
the operators that `required_operators.config` names and no others. On the processor of a
phone the file gives what the ONNX of the same shape gives, to the last bit.
"""

from collections.abc import Mapping
from pathlib import Path

from configs.edge_steps import OrtExportStep
from models.keys import tool_versions
from models.litert.toolings import Tools
from models.mobile import toolings
from models.mobile.asking import Asked, MobileAsker
from models.mobile.proof import Made, Wanted, prove
from models.recipes.bench import Bench
from models.recipes.pieces import Piece
from models.steps.onnx_graph import load_finite, operators

CONFIG = "required_operators.config"


def run(
    step: OrtExportStep,
    source: Piece | None,
    target: Path,
    bench: Bench,
    tools: Tools = toolings.environment,
) -> Mapping[str, object]:
    """Write the file, the operators it needs, and its proof.

    Raises:
        BuildFailed: the source is no ONNX, or the file's answers are not the ONNX's.
        ToolFailed: ONNX Runtime refuses.
    """
    from models.mobile.from_onnx import cost_of, is_rounded

    onnx = load_finite(step.step, source, bench).file
    fixed, file = bench.scratch / "fixed.onnx", Piece(target).main("ort")
    told = tools(bench, toolings.ONNX_RUNTIME)("ort_making", {
        "source": str(onnx),
        "fixed": str(fixed),
        "room": str(_room(bench)),
        "target": str(file),
        "config": str(target / CONFIG),
        "shape": [1, *bench.spec.inputs[0].shape],
    })  # fmt: skip
    made = Made(
        Asked("ort", file),
        f"onnxruntime-{tool_versions(('onnxruntime',))['onnxruntime']}",
        "int8" if is_rounded(fixed) else "float32",
        [{"operator": name, "count": n} for name, n in operators(fixed).items()],
        cost_of(fixed),
        MobileAsker(Asked("ort", fixed), bench, tools).raw,
        {"needs": told["needs"]},
    )
    wanted = Wanted(
        step.step,
        step.photos,
        step.threads,
        step.min_agreement,
        0.0,
        step.oldest_runtime,
    )
    facts = prove(made, wanted, Piece(target), bench, tools)
    return {"size_bytes": file.stat().st_size, **facts}


def _room(bench: Bench) -> Path:
    room = bench.scratch / "ort"
    room.mkdir()
    return room

"""Step `llm-dequantize`: a GGUF file becomes a folder of safetensors."""

from collections.abc import Mapping
from pathlib import Path

from configs.steps import LlmDequantizeStep
from models.errors import BuildFailed
from models.llm.tools import Tools, compressor, told
from models.recipes.bench import Bench
from models.recipes.pieces import Piece


def run(
    step: LlmDequantizeStep,
    source: Piece | None,
    target: Path,
    bench: Bench,
    tools: Tools = compressor,
) -> Mapping[str, object]:
    """Write weights, tokenizer and chat template.

    Raises:
        BuildFailed: the source does not hold exactly one GGUF file.
        ToolFailed: the file cannot be read.
    """
    found = sorted(source.folder.glob("*.gguf")) if source is not None else []
    if len(found) != 1:
        reason = f"it needs one file *.gguf under source.files, got {len(found)}"
        raise BuildFailed(bench.recipe.id, step.step, reason)
    tool = tools(bench)
    said = {
        "gguf": str(found[0].resolve()),
        "target": str(target.resolve()),
        "datatype": step.datatype,
    }
    return {**told(tool("dequantize", said)), "tools": dict(tool.versions())}

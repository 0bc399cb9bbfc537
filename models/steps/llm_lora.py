"""Step `llm-lora`: low-rank adapters, trained on a text and merged."""

from collections.abc import Mapping
from pathlib import Path

from configs.steps import LlmLoraStep
from models.errors import BuildFailed
from models.llm.tools import Tools, compressor, texts, told
from models.recipes.bench import Bench
from models.recipes.pieces import Piece


def run(
    step: LlmLoraStep,
    source: Piece | None,
    target: Path,
    bench: Bench,
    tools: Tools = compressor,
) -> Mapping[str, object]:
    """Write the merged model; the facts hold the curve of the loss.

    Raises:
        BuildFailed: the recipe names no text to train on.
        ToolFailed: training fails.
    """
    if source is None or bench.data.train is None:
        reason = "it needs a model, and a text under data.train"
        raise BuildFailed(bench.recipe.id, step.step, reason)
    said = step.model_dump(mode="json") | {
        "seed": bench.seed,
        "source": str(source.folder.resolve()),
        "target": str(target.resolve()),
        "texts": texts(bench, bench.data.train),
    }
    tool = tools(bench)
    return {**told(tool("lora", said)), "tools": dict(tool.versions())}

"""Step `llm-quantize`: a model's folder in few bits, in the form that vLLM loads."""

from collections.abc import Mapping
from pathlib import Path

from configs.steps import LlmQuantizeStep
from models.errors import BuildFailed
from models.llm.anatomy import BadFolder, inspect
from models.llm.tools import Tools, compressor, texts, told
from models.recipes.bench import Bench
from models.recipes.pieces import Piece

METHODS = {"W8A8": ("rtn", "gptq"), "W4A16": ("gptq", "rtn", "awq")}
"""What each scheme can be made with; `auto` takes the first."""

RUNS_ON = {"W8A8": "cpu, gpu", "W4A16": "gpu", "FP8": "gpu", "NF4": "transformers"}


def run(
    step: LlmQuantizeStep,
    source: Piece | None,
    target: Path,
    bench: Bench,
    tools: Tools = compressor,
) -> Mapping[str, object]:
    """Write the variant and check its files.

    Raises:
        BuildFailed: the step asks for what its scheme has not, or for samples without
            a text; or what came is not of the scheme.
        ToolFailed: the library refuses.
    """
    if source is None:
        raise BuildFailed(bench.recipe.id, step.step, "it needs a model before it")
    method, dataset = method_of(step, bench.recipe.id), bench.data.calibration
    sampled = method in ("gptq", "awq") or (
        step.scheme == "W8A8" and step.smoothing > 0
    )
    if sampled and dataset is None:
        reason = f"{step.scheme} by {method} needs a text under data.calibration"
        raise BuildFailed(bench.recipe.id, step.step, reason)
    said = step.model_dump(mode="json") | {
        "method": method,
        "seed": bench.seed,
        "source": str(source.folder.resolve()),
        "target": str(target.resolve()),
        "texts": texts(bench, dataset) if sampled and dataset else [],
    }
    tool = tools(bench)
    facts = told(tool("quantize", said))
    return {
        **facts,
        **_checked(step, target, bench.recipe.id),
        "method": method,
        "runs_on": RUNS_ON[step.scheme],
        "source_bytes": source.size_bytes,
        "tools": dict(tool.versions()),
    }


def method_of(step: LlmQuantizeStep, recipe: str) -> str:
    """How the weights are rounded.

    Raises:
        BuildFailed: the scheme cannot be made so.
    """
    known = METHODS.get(step.scheme, ("rtn",))
    if step.method == "auto":
        return known[0]
    if step.method not in known:
        reason = f"{step.scheme} is made by {' or '.join(known)}, got {step.method}"
        raise BuildFailed(recipe, step.step, reason)
    return step.method


def _checked(step: LlmQuantizeStep, target: Path, recipe: str) -> dict[str, object]:
    try:
        found = inspect(target)
    except BadFolder as error:
        raise BuildFailed(recipe, step.step, str(error)) from error
    if found.scheme != step.scheme:
        reason = f"it must become {step.scheme}, became {found.scheme}"
        raise BuildFailed(recipe, step.step, reason)
    return {"weights_bytes": found.weights_bytes, "tensors": dict(found.tensors)}

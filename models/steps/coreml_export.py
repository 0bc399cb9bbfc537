"""Step `coreml-export`: a torch piece becomes a .mlpackage, checked without running it.

Core ML runs on Apple's systems alone. Here the package is read back, its weights are held
against those of the source, and its program is worked out operation by operation.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from configs.edge_steps import CoremlExportStep
from models.errors import BuildFailed
from models.litert.toolings import Tools
from models.mobile import toolings
from models.mobile.asking import Asked
from models.mobile.nodes import Widths
from models.mobile.proof import Made, Wanted, prove
from models.mobile.torch_made import TorchSource, torch_source
from models.recipes.bench import NO_IMAGE, Bench
from models.recipes.pieces import PACKAGE, Piece

AUTHOR = "headwater"
WIDTHS = {"float16": Widths(2, 2), "int8": Widths(1, 2)}
LIMITS = {"float16": 1e-3, "int8": 1 / 127}
"""By how much of the largest weight of its tensor a weight may be off its source.

16-bit floats round by 2^-11 of a weight, INT8 by half a step, which is 1/254 of the
largest of its channel; each limit is twice that.
"""
SPECIFICATIONS = {"iOS16": 7, "iOS17": 8, "iOS18": 9}
CAVEAT = (
    "Core ML runs on Apple's systems alone and was not asked: the program in the package "
    "was worked out operation by operation, in 16-bit floats"
)


def run(
    step: CoremlExportStep,
    source: Piece | None,
    target: Path,
    bench: Bench,
    tools: Tools = toolings.environment,
) -> Mapping[str, object]:
    """Write the package, which takes one image of 8-bit pixels, and its proof.

    Raises:
        BuildFailed: the source is no torch piece, the model takes no photos, a weight is
            not the source's, or the program does not come to what its source answers.
        ToolFailed: the converter refuses.
    """
    if bench.spec.image is None:
        raise BuildFailed(bench.recipe.id, step.step, NO_IMAGE)
    network, package = torch_source(step.step, source, bench), target / PACKAGE
    request = _request(step, network, package, bench)
    told = tools(bench, toolings.mobile())("coreml_making", request)
    _check(step, told["specification"], bench)
    _check_weights(step, told["weights"]["largest_share"], bench)
    made = _made(step, network, package, told)
    wanted = Wanted(step.step, step.photos, (), step.min_agreement)
    facts = prove(made, wanted, Piece(target), bench, tools)
    size = sum(one.stat().st_size for one in package.rglob("*") if one.is_file())
    return {"size_bytes": size, **facts}


def _request(
    step: CoremlExportStep, network: TorchSource, package: Path, bench: Bench
) -> Mapping[str, object]:
    spec = bench.spec
    return {
        "program": str(network.program),
        "target": str(package),
        "scheme": step.scheme,
        "minimum": step.minimum,
        "mean": network.seen.mean,
        "std": network.seen.std,
        "shape": [1, *spec.inputs[0].shape],
        "said": {
            "title": spec.title,
            "author": AUTHOR,
            "licence": spec.licence,
            "version": str(spec.version),
        },
    }


def _made(
    step: CoremlExportStep,
    network: TorchSource,
    package: Path,
    told: Mapping[str, Any],
) -> Made:
    counted = told["operators"].items()
    return Made(
        Asked("coreml", package),
        f"coremltools-{toolings.version('coremltools')}, not Core ML",
        "float16",
        [{"operator": name, "count": count} for name, count in counted],
        network.cost(WIDTHS[step.scheme]),
        network.answers,
        {
            "specification": told["specification"],
            "weights": told["weights"],
            "caveat": CAVEAT,
        },
    )


def _check(step: CoremlExportStep, specification: int, bench: Bench) -> None:
    if specification != SPECIFICATIONS[step.minimum]:
        wanted = f"{SPECIFICATIONS[step.minimum]}, which {step.minimum} reads"
        reason = f"the package must be of specification {wanted}, got {specification}"
        raise BuildFailed(bench.recipe.id, step.step, reason)


def _check_weights(step: CoremlExportStep, share: float, bench: Bench) -> None:
    most = LIMITS[step.scheme]
    if not share <= most:
        wanted = f"within {most:.2g} of the largest of its tensor"
        reason = f"every weight must be {wanted} of the source's, got {share:.2g}"
        raise BuildFailed(bench.recipe.id, step.step, reason)
